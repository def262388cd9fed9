"""SAM templates as plain CloudFormation: each AWS::Serverless::WebSocketApi becomes the resources it stands for.

The work is AWS's own translator's, without AWS. It is given the WebSocket APIs alone, with plain functions beside them,
so that nothing else of a template (code that is not packaged yet, policies) has to be right.
"""

import copy
import logging
from collections.abc import Mapping
from typing import Any

from boto3 import Session  # type: ignore[import-untyped]
from samtranslator.model.exceptions import InvalidDocumentException  # type: ignore[import-untyped]
from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]

from gatewayapp.interchange.documents import Document
from gatewayapp.interchange.problems import Problem, Rejected, reject

_FUNCTION = "AWS::Serverless::Function"
_WEBSOCKET_API = "AWS::Serverless::WebSocketApi"


# It warns of metrics that nobody asked for.
logging.getLogger("samtranslator").setLevel(logging.ERROR)


def translate(template: Document, parameters: Mapping[str, Any], region: str) -> Document:
    """The template with its WebSocket APIs written out. Raises Rejected with all that the translator objects to."""
    resources = template["Resources"]
    plain = {name: _stand_in(resource) for name, resource in resources.items()}
    translated = {**template, "Resources": plain}
    if any(resource["Type"] == _WEBSOCKET_API for resource in resources.values()):
        translated = _translate({**translated, "Globals": _websocket_globals(template)}, parameters, region)
    return {**translated, "Resources": translated["Resources"] | _aliases(resources)}


def _translate(template: Document, parameters: Mapping[str, Any], region: str) -> Document:
    translator = Translator(None, Parser(), boto_session=Session(region_name=region))
    try:
        # The map of AWS's managed policies serves functions' roles, and no function is translated here.
        return dict(translator.translate(copy.deepcopy(template), dict(parameters), get_managed_policy_map=dict))
    except InvalidDocumentException as error:
        raise Rejected(*map(_problem, error.causes)) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # What the translator does not foresee in a malformed template.
        raise reject("Resources", f"The SAM translator cannot read an {_WEBSOCKET_API}: {error!r}.") from error


def _stand_in(resource: Document) -> Document:
    """The resource as the translator may see it: only WebSocket APIs remain SAM's."""
    kind = resource["Type"]
    if kind == _WEBSOCKET_API or not kind.startswith("AWS::Serverless::"):
        return resource
    properties = resource.get("Properties") or {}
    kept = {"FunctionName": properties["FunctionName"]} if "FunctionName" in properties else {}
    condition = {"Condition": resource["Condition"]} if "Condition" in resource else {}
    return {**condition, "Type": "AWS::Lambda::Function" if kind == _FUNCTION else f"{kind} (SAM)", "Properties": kept}


def _aliases(resources: Document) -> Document:
    """What `!Ref Function.Alias` means for a function with AutoPublishAlias."""
    published = {
        name: (resource.get("Properties") or {}).get("AutoPublishAlias")
        for name, resource in resources.items()
        if resource["Type"] == _FUNCTION
    }
    return {
        f"{name}.Alias": {"Type": "AWS::Lambda::Alias", "Properties": {"FunctionName": {"Ref": name}, "Name": alias}}
        for name, alias in published.items()
        if alias
    }


def _websocket_globals(template: Document) -> Document:
    section = template.get("Globals")
    if not isinstance(section, dict):
        return {}
    return {name: value for name, value in section.items() if name == "WebSocketApi"}


def _problem(cause: Any) -> Problem:
    logical_id = getattr(cause, "_logical_id", None)
    return Problem(f"Resources.{logical_id}" if logical_id else "", str(cause.message))
