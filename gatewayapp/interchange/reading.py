"""From a document's text to a plan, whatever the document is. Nothing is changed here."""

from collections.abc import Mapping

from django.conf import settings

from gatewayapp.interchange import cloudformation, nopal
from gatewayapp.interchange.documents import Document, check_size, parse
from gatewayapp.interchange.plans import Plan
from gatewayapp.interchange.problems import Rejected, reject
from gatewayapp.interchange.reader_process import ReaderProcess

_STACK = "nopal"

_HINTS = (
    (("asyncapi",), "an AsyncAPI document, which Nopal writes but does not read: export the API as nopal instead"),
    (("openapi",), "an OpenAPI document, which describes HTTP APIs"),
    (("swagger",), "an OpenAPI document, which describes HTTP APIs"),
    (
        ("service", "provider"),
        "a serverless.yml: run `serverless package` and import .serverless/cloudformation-template-update-stack.json",
    ),
)


def read_document(text: str, parameters: Mapping[str, str] | None = None, api: str | None = None) -> Plan:
    """The plan of a CloudFormation or SAM template, or of a Nopal document.

    `parameters` are a template's; also those values that only AWS knows, such as `LoadBalancer.DNSName`. `api` is the
    logical id of the API to import where a template has several. Read in a process of its own. Raises Rejected.
    """
    check_size(text)
    plan: Plan = _reader.call(text, parameters or {}, api, _pseudo_parameters())
    return plan


_reader = ReaderProcess("gatewayapp.interchange.reading.read")


def read(text: str, parameters: Mapping[str, str], api: str | None, pseudo: Document) -> Plan:
    """The plan, read in this process; `pseudo` are the values of CloudFormation's pseudo parameters."""
    document = parse(text)
    try:
        if "nopal" in document:
            if parameters or api:
                raise reject("", "Parameters and the choice of an API are for CloudFormation templates only.")
            return nopal.read(document)
        if "Resources" in document:
            return cloudformation.read(document, parameters, pseudo, api)
    except RecursionError:
        raise reject("", "The document's references lead too far into one another.") from None
    raise _unknown(document)


def _pseudo_parameters() -> Document:
    region, account = settings.NOPAL_REGION, settings.NOPAL_ACCOUNT_ID
    partition = next((name for name in ("aws-cn", "aws-us-gov") if region.startswith(name.removeprefix("aws-"))), "aws")
    return {
        "AWS::AccountId": account,
        "AWS::NotificationARNs": [],
        "AWS::Partition": partition,
        "AWS::Region": region,
        "AWS::StackId": f"arn:{partition}:cloudformation:{region}:{account}:stack/{_STACK}/{_STACK}",
        "AWS::StackName": _STACK,
        "AWS::URLSuffix": "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com",
    }


def _unknown(document: Document) -> Rejected:
    found = next((words for names, words in _HINTS if all(name in document for name in names)), None)
    what = f"This is {found}." if found else "This document is of no format that Nopal knows."
    return reject("", f"{what} Import a CloudFormation or SAM template, or a document that begins with `nopal: 1`.")
