"""Integrations, and the responses that say what becomes of a backend's answer."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from dashboard.resources.apis import apis
from dashboard.resources.fields import Choice, Number, Pairs, Text
from dashboard.resources.kinds import Cell, Column, Empty, Group, Kind, Place
from dashboard.resources.routes import routes
from dashboard.secrets import readable_document
from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations.integration_responses import IntegrationResponseMembers
from gatewayapp.controlplane.operations.integrations import IntegrationMembers
from gatewayapp.models import Integration, IntegrationResponse

_HTTP = ("HTTP", "HTTP_PROXY")
_LAMBDA = ("AWS", "AWS_PROXY")
_MAPPED = ("AWS", "HTTP", "MOCK")
"""The types whose requests and answers are made from templates; the proxy types pass them on as they are."""

_CONVERSIONS = (
    ("", "as it is"),
    ("CONVERT_TO_BINARY", "CONVERT_TO_BINARY: from base64"),
    ("CONVERT_TO_TEXT", "CONVERT_TO_TEXT: to base64"),
)


def _listed(rows: "QuerySet[Integration]") -> "QuerySet[Integration]":
    return rows.prefetch_related("routes", "integration_responses")


def _name(integration: Integration) -> str:
    return integration.integration_id


def _backend(integration: Integration, facts: Mapping[str, Any]) -> Cell:
    text = f"{integration.integration_method} {integration.shown_uri}".strip()
    return Cell(text or "answers by itself", "code" if text else "text")


def _users(integration: Integration, facts: Mapping[str, Any]) -> Cell:
    keys = [route.route_key for route in integration.routes.all()]
    return Cell(keys, "chips") if keys else Cell("unused", "tone", tone="wait")


def _more(place: Place, integration: Integration) -> Mapping[str, Any]:
    used = [
        {"name": route.route_key, "url": routes.url("detail", {"api_id": integration.api_id, "route_id": route.pk})}
        for route in integration.routes.all()
    ]
    return {
        "used_by": used,
        "is_mapped": integration.integration_type in _MAPPED,
        "responses": [
            (response, readable_document(place.request, integration.api_id, response.document()))
            for response in integration.integration_responses.all()
        ],
    }


integrations = Kind(
    noun="integration",
    page="integrations",
    icon="server",
    key="integration_id",
    model=Integration,
    shape=IntegrationMembers,
    parent=apis,
    address="apis/<str:api_id>/integrations",
    groups=(
        Group(
            "",
            (
                Choice(
                    "integration_type",
                    "Type",
                    "A proxy gets the message as it came, and its answer is passed on as it is; the others are mapped "
                    "with templates.",
                    required=True,
                    options=(
                        ("HTTP_PROXY", "HTTP_PROXY: an HTTP backend, as it is"),
                        ("HTTP", "HTTP: an HTTP backend, with templates"),
                        ("AWS_PROXY", "AWS_PROXY: a Lambda function, as it is"),
                        ("AWS", "AWS: a Lambda function, with templates"),
                        ("MOCK", "MOCK: no backend, answers by itself"),
                    ),
                ),
                Text("description", "Description", "An integration has no name, so say what it is for."),
                Text(
                    "integration_uri",
                    "URI",
                    "A URL such as http://127.0.0.1:9000/send, also with ${stageVariables.host} or {parameters}. "
                    "For Lambda: arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/FUNCTION_ARN/invocations.",
                    types=(*_HTTP, *_LAMBDA),
                    wide=True,
                    mono=True,
                    placeholder="http://127.0.0.1:9000/",
                ),
                Choice(
                    "integration_method",
                    "Method",
                    "Lambda functions are always invoked with POST.",
                    types=_HTTP,
                    options=(
                        ("", "choose one"),
                        *((word, word) for word in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")),
                    ),
                ),
                Number("timeout_in_millis", "Timeout in milliseconds", "50 to 29000."),
            ),
        ),
        Group(
            "Request",
            (
                Pairs(
                    "request_parameters",
                    "Request parameters",
                    "What becomes of headers, query and path: integration.request.header.X-Who with the value "
                    "route.request.querystring.who, context.connectionId, or 'a fixed text'.",
                    names=("Sent as", "Taken from"),
                    merges=True,
                ),
                Pairs(
                    "request_templates",
                    "Request templates",
                    "The body, by the key that the template selection expression gives; $default for all others. "
                    'A mock reads its status from it: {"statusCode": 200}.',
                    types=_MAPPED,
                    names=("Key", "Template"),
                    long=True,
                ),
                Text(
                    "template_selection_expression",
                    "Template selection expression",
                    "Empty: the template is $default.",
                    types=_MAPPED,
                    mono=True,
                ),
                Choice(
                    "passthrough_behavior",
                    "Without a template",
                    "What is sent if no template fits.",
                    types=_MAPPED,
                    options=(
                        ("WHEN_NO_MATCH", "WHEN_NO_MATCH: the message as it is"),
                        ("WHEN_NO_TEMPLATES", "WHEN_NO_TEMPLATES: the message, if there are no templates at all"),
                        ("NEVER", "NEVER: refuse the message"),
                    ),
                ),
                Choice("content_handling_strategy", "Content handling", options=_CONVERSIONS, types=_MAPPED),
            ),
        ),
        Group(
            "Connection and TLS",
            (
                Choice(
                    "connection_type",
                    "Connection type",
                    options=(("INTERNET", "INTERNET: directly"), ("VPC_LINK", "VPC_LINK: kept for AWS's tools")),
                    types=_HTTP,
                ),
                Text("connection_id", "VPC link id", types=_HTTP),
                Text(
                    "tls_config",
                    "Server name to verify",
                    "The name in the backend's certificate, if it is not the host of the URI.",
                    key="serverNameToVerify",
                    types=_HTTP,
                ),
                Text("credentials_arn", "Credentials ARN", "Kept for AWS's tools.", types=_LAMBDA, mono=True),
            ),
            folded=True,
        ),
    ),
    columns=(
        Column("Type", lambda each, facts: Cell(each.integration_type, "tone", tone="info"), "integration_type"),
        Column("Backend", _backend, "shown_uri"),
        Column("Description", lambda each, facts: Cell(each.description, "long"), "description"),
        Column("Used by", _users),
        Column("Created", lambda each, facts: Cell(each.created_date, "moment"), "created_date"),
    ),
    lead="What answers a route's messages: an HTTP backend, a Lambda function, or a mock.",
    empty=Empty(
        "No integration yet",
        "An integration is a backend: the URL that a route's messages are sent to, or a mock that answers by itself. "
        "Begin with a mock to try an API out without writing a backend.",
    ),
    name=_name,
    search=("integration_id", "shown_uri", "description", "integration_type", "routes__route_key"),
    get_all=operations.get_integrations,
    get=operations.get_integration,
    create=operations.create_integration,
    update=operations.update_integration,
    delete=operations.delete_integration,
    listed=_listed,
    more="resources/_integration.html",
    more_context=_more,
    lost=lambda each: ["Its integration responses." if each.integration_responses.exists() else "Nothing else."],
)


integration_responses = Kind(
    noun="integration response",
    page="integrations-responses",
    icon="arrow-back-up",
    key="integration_response_id",
    model=IntegrationResponse,
    shape=IntegrationResponseMembers,
    parent=integrations,
    address="apis/<str:api_id>/integrations/<str:integration_id>/responses",
    groups=(
        Group(
            "",
            (
                Text(
                    "integration_response_key",
                    "Key",
                    "$default, or a pattern between slashes that the answer's status has to match, such as /4\\d\\d/.",
                    required=True,
                    mono=True,
                    suggestions=("$default", "/2\\d\\d/", "/4\\d\\d/", "/5\\d\\d/"),
                    placeholder="$default",
                ),
                Choice("content_handling_strategy", "Content handling", options=_CONVERSIONS),
                Pairs(
                    "response_templates",
                    "Response templates",
                    "What the client is sent, by the key of the expression below; $default for all others.",
                    names=("Key", "Template"),
                    long=True,
                ),
                Text("template_selection_expression", "Template selection expression", mono=True),
                Pairs(
                    "response_parameters",
                    "Response parameters",
                    names=("Set", "Taken from"),
                ),
            ),
        ),
    ),
    columns=(
        Column("Templates", lambda each, facts: Cell(list(each.response_templates), "chips")),
        Column("Id", lambda each, facts: Cell(each.integration_response_id, "code")),
    ),
    lead="What becomes of an answer, by its status. Patterns are tried in the order they were made, $default last.",
    empty=Empty(
        "No response yet",
        "Without one, answers are passed on as they are. $default takes every answer, a pattern only some.",
    ),
    name=lambda response: response.integration_response_key,
    search=("integration_response_key",),
    get_all=operations.get_integration_responses,
    get=operations.get_integration_response,
    create=operations.create_integration_response,
    update=operations.update_integration_response,
    delete=operations.delete_integration_response,
    lost=lambda response: ["Answers that it matched go to the next response that matches."],
)
