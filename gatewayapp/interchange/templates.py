"""A definition as a CloudFormation template: what `cloudformation.read` reads, and AWS as well.

Logical ids depend on names alone, so that an API that has not changed gives the same template again. Nopal's own
limits, which CloudFormation has no member for, stand in a stage's Metadata.
"""

import re
from collections.abc import Mapping
from typing import Any

from gatewayapp.controlplane.operations.members import ListOf, MapOf, Structure
from gatewayapp.interchange.documents import Document
from gatewayapp.interchange.drafts import unique
from gatewayapp.interchange.kinds import KINDS, schema_object
from gatewayapp.interchange.plans import Definition, Part, referred

_API, _DEPLOYMENT = "Api", "Deployment"


def write(definition: Definition) -> Document:
    """The template of a definition."""
    logical_ids = _logical_ids(definition)
    resources: Document = {_API: _resource("Api", {**_properties(definition.api, {}), "ProtocolType": "WEBSOCKET"})}
    for part in (*definition.authorizers, *definition.models, *definition.integrations, *definition.routes):
        resources |= _with_responses(part, logical_ids)
    if any(stage.members.get("deployed", True) and not stage.members.get("autoDeploy") for stage in definition.stages):
        routes = [name for key, name in logical_ids.items() if key.startswith(("Route/", "RouteResponse/"))]
        resources[_DEPLOYMENT] = _resource("Deployment", _of_api({}), DependsOn=routes)
    for stage in definition.stages:
        resources[logical_ids[stage.key]] = _stage(stage, definition)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"The WebSocket API {definition.api.members['name']}",
        "Resources": resources,
        "Outputs": {
            "ApiId": {"Value": {"Ref": _API}},
            "ApiEndpoint": {"Value": {"Fn::GetAtt": [_API, "ApiEndpoint"]}},
        },
    }


def _logical_ids(definition: Definition) -> dict[str, str]:
    """Logical ids by the parts' keys; a name is left with its letters and digits, so two may need a number."""
    parts = [part for part in definition.parts if part.kind != "Api"]
    responses = [
        (f"{part.kind}Response/{part.name}/{response.name}", f"{_camel(part.name)}{part.kind}Response")
        for part in parts
        for response in part.responses
    ]
    wanted = [(part.key, f"{_camel(part.name)}{part.kind}") for part in parts] + responses
    names = unique([_API, _DEPLOYMENT, *(name for _, name in wanted)], separator="")
    return dict(zip((key for key, _ in wanted), names[2:], strict=True))


def _camel(name: str) -> str:
    words = re.findall("[A-Za-z0-9]+", name)
    return "".join(word[:1].upper() + word[1:] for word in words)


def _with_responses(part: Part, logical_ids: Mapping[str, str]) -> Document:
    name = logical_ids[part.key]
    resources = {name: _resource(part.kind, _of_api(_properties(part, logical_ids)))}
    for response in part.responses:
        owner = {f"{part.kind}Id": {"Ref": name}}
        properties = _of_api({**owner, **_properties(response, {})})
        key = f"{response.kind}/{part.name}/{response.name}"
        resources[logical_ids[key]] = _resource(response.kind, properties)
    return resources


def _stage(stage: Part, definition: Definition) -> Document:
    properties = _of_api(_properties(stage, {}))
    if stage.members.get("deployed", True) and not stage.members.get("autoDeploy"):
        properties["DeploymentId"] = {"Ref": _DEPLOYMENT}
    limits = stage.members.get("limits")
    return _resource("Stage", properties, **({"Metadata": {"Nopal": {"limits": limits}}} if limits else {}))


def _resource(kind: str, properties: Document, **attributes: Any) -> Document:
    return {"Type": f"AWS::ApiGatewayV2::{kind}", **attributes, "Properties": properties}


def _of_api(properties: Document) -> Document:
    return {"ApiId": {"Ref": _API}, **properties}


def _properties(part: Part, logical_ids: Mapping[str, str]) -> Document:
    required = {"Authorizer": {"authorizerType": "REQUEST", "identitySource": []}}.get(part.kind, {})
    naming = {"RouteResponse": {"routeResponseKey": part.name}}.get(part.kind, {})
    members = {**naming, **required, **part.members}
    rules = KINDS[part.kind].rules
    return {
        _pascal(name): _value(name, rules.get(name), value, logical_ids)
        for name, value in members.items()
        if name not in ("limits", "deployed")
    }


def _value(name: str, rule: Any, value: Any, logical_ids: Mapping[str, str]) -> Any:
    if name == "target":
        return {"Fn::Join": ["/", ["integrations", {"Ref": logical_ids[_key(value.removeprefix("integrations/"))]}]]}
    if name == "authorizerId":
        return {"Ref": logical_ids[_key(value)]}
    if name == "schema":
        schema = schema_object(value)
        return value if _calls_functions(schema) else schema
    return _structured(rule, value)


def _calls_functions(value: Any) -> bool:
    """Whether CloudFormation would take something in the value for a function of its own."""
    if isinstance(value, list):
        return any(map(_calls_functions, value))
    if not isinstance(value, dict):
        return isinstance(value, str) and "{{resolve:" in value
    return any(name in ("Ref", "Condition") or name.startswith("Fn::") for name in value) or any(
        map(_calls_functions, value.values())
    )


def _structured(rule: Any, value: Any) -> Any:
    """The value with capitals where CloudFormation has members, and keys of maps as they are."""
    if isinstance(rule, MapOf):
        return {key: _structured(rule.rule, item) for key, item in value.items()}
    if isinstance(rule, ListOf):
        return [_structured(rule.rule, item) for item in value]
    if isinstance(rule, Structure):
        return {_pascal(name): item for name, item in value.items()}
    return value


def _pascal(name: str) -> str:
    return name[:1].upper() + name[1:]


def _key(text: str) -> str:
    found = referred(text)
    assert found is not None
    return "/".join(found)
