"""The kinds of resources that a document may hold, and how their members are written in it.

The rules of members are those of the operations. A document may write numbers, truth values and texts for one another
(template parameters are all texts), and begin names with a capital as CloudFormation does.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_type_hints

from gatewayapp.controlplane.operations.api_models import ModelMembers
from gatewayapp.controlplane.operations.apis import NewApiMembers
from gatewayapp.controlplane.operations.authorizers import AuthorizerMembers
from gatewayapp.controlplane.operations.integration_responses import IntegrationResponseMembers
from gatewayapp.controlplane.operations.integrations import IntegrationMembers
from gatewayapp.controlplane.operations.members import (
    Choice,
    Compiled,
    Flag,
    HttpApisOnly,
    ListOf,
    MapOf,
    Number,
    Structure,
    Text,
)
from gatewayapp.controlplane.operations.route_responses import RouteResponseMembers
from gatewayapp.controlplane.operations.routes import RouteMembers
from gatewayapp.controlplane.operations.stages import NewStageMembers
from gatewayapp.controlplane.operations.test_cases import TestCaseMembers
from gatewayapp.core.limits import camel
from gatewayapp.interchange.documents import Document
from gatewayapp.interchange.problems import below
from gatewayapp.models import (
    Api,
    ApiModel,
    Authorizer,
    Integration,
    IntegrationResponse,
    Resource,
    Route,
    RouteResponse,
    Stage,
    TestCase,
)

LeaveOut = Callable[[str, str], None]
"""Is told the place of what is left out, and why."""

_DEEPEST_SCHEMA = 48
"""So that a document that holds the schema can be read again."""

_LAMBDA_TYPES = ("AWS", "AWS_PROXY")


@dataclass(frozen=True)
class Kind:
    """A kind of resource: the members that its operations take, and where it is stored."""

    name: str
    shape: type
    model: type[Resource]

    @cached_property
    def rules(self) -> dict[str, Any]:
        """Rules by the name of the member on the wire."""
        hints = get_type_hints(self.shape, include_extras=True)
        return {camel(name): hint.__metadata__[0] for name, hint in hints.items()}

    @cached_property
    def keywords(self) -> dict[str, str]:
        """What an operation calls a member, by its name on the wire."""
        return {camel(name): name for name in get_type_hints(self.shape)}

    @cached_property
    def defaults(self) -> Document:
        """What a member holds that nobody set."""
        fields = {field.name: field for field in self.model._meta.concrete_fields}
        names = {keyword: name for name, keyword in self.keywords.items()}
        found = {names[name]: field.get_default() for name, field in fields.items() if name in names}
        return found | _FIXED_DEFAULTS.get(self.name, {})

    def read(self, members: Mapping[str, Any], place: str, leave_out: LeaveOut) -> Document:
        """The members in wire form. What cannot be kept is told to `leave_out(place, why)`."""
        document: Document = {}
        for written, value in members.items():
            name, there = _wire_name(written), below(place, written)
            rule = self.rules.get(name)
            if rule is None:
                leave_out(there, f"Nopal's {self.name} has no such member.")
            elif isinstance(rule, HttpApisOnly):
                if value:
                    leave_out(there, "only HTTP APIs have it.")
            else:
                document[name] = _coerced(rule, _unwrapped(name, value), there, leave_out)
        return {name: value for name, value in document.items() if value not in (None, "") or name == "schema"}

    def without_defaults(self, members: Mapping[str, Any]) -> Document:
        """The members that say something: none that holds what it would hold anyway."""
        defaults = self.defaults | _defaults_of_type(self.name, members)
        found = {name: _terse(name, value) for name, value in members.items()}
        defaults.pop("schema", None)  # an empty one is required all the same
        return {name: value for name, value in found.items() if name not in defaults or value != defaults[name]}


def schema_text(schema: Mapping[str, Any]) -> str:
    """A model's schema as it is stored."""
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))


def schema_object(text: str) -> Any:
    """A model's schema as an object, or the text where it is none, or too deep for a document."""
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return schema if isinstance(schema, dict) and _is_shallow(schema) else text


def _is_shallow(schema: Any) -> bool:
    level = [schema]
    for _ in range(_DEEPEST_SCHEMA):
        containers = [value for value in level if isinstance(value, dict | list)]
        level = [item for value in containers for item in (value.values() if isinstance(value, dict) else value)]
    return not level


def _wire_name(written: str) -> str:
    return written[:1].lower() + written[1:]


def _unwrapped(name: str, value: Any) -> Any:
    """A schema as text, and tags as a map where they are a list of keys and values."""
    if name == "schema" and isinstance(value, dict):
        return schema_text(value)
    if name == "tags" and isinstance(value, list) and all(isinstance(tag, dict) and "Key" in tag for tag in value):
        return {tag["Key"]: tag.get("Value") for tag in value}
    return value


def _coerced(rule: Any, value: Any, place: str, leave_out: LeaveOut) -> Any:
    """`value` as `rule` expects it, where that is only a matter of writing; the operation judges the result."""
    if isinstance(rule, Flag) and isinstance(value, str):
        return _FLAGS.get(value.lower(), value)
    if isinstance(rule, Number) and isinstance(value, str):
        return _number(value)
    if isinstance(rule, Text | Compiled | Choice) and isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(rule, MapOf) and isinstance(value, Mapping):
        given = {key: item for key, item in value.items() if item is not None}
        return {key: _coerced(rule.rule, item, below(place, key), leave_out) for key, item in given.items()}
    if isinstance(rule, ListOf) and isinstance(value, list):
        return [_coerced(rule.rule, item, place, leave_out) for item in value]
    if isinstance(rule, Structure) and isinstance(value, Mapping):
        return _coerced_structure(rule, value, place, leave_out)
    return value


def _coerced_structure(rule: Structure, value: Mapping[str, Any], place: str, leave_out: LeaveOut) -> Document:
    document: Document = {}
    for written, item in value.items():
        name, there = _wire_name(written), below(place, written)
        if name not in rule.rules:
            leave_out(there, "Nopal has no such member.")
        elif item is not None:
            document[name] = _coerced(rule.rules[name], item, there, leave_out)
    return document


_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


_FIXED_DEFAULTS: dict[str, Document] = {
    "Api": {"protocolType": "WEBSOCKET"},
    "Authorizer": {"authorizerType": "REQUEST", "identitySource": []},
    "Route": {"target": "", "authorizerId": ""},
    "Stage": {"deployed": True, "defaultRouteSettings": {}, "deploymentId": None},
    "RouteResponse": {"routeResponseKey": "$default"},
}


def _defaults_of_type(kind: str, members: Mapping[str, Any]) -> Document:
    if kind != "Integration":
        return {}
    integration_type = members.get("integrationType", "")
    method = {"integrationMethod": "POST"} if integration_type in _LAMBDA_TYPES else {}
    behavior = {} if integration_type.endswith("_PROXY") else {"passthroughBehavior": "WHEN_NO_MATCH"}
    return {**method, **behavior}


def _terse(name: str, value: Any) -> Any:
    """Route settings without those that are off, and a schema without its spaces."""
    if name == "schema":
        found = schema_object(value)
        return schema_text(found) if isinstance(found, dict) else value
    if name == "defaultRouteSettings":
        return {key: item for key, item in value.items() if item not in (False, "OFF")}
    if name == "routeSettings":
        return {
            route: {key: item for key, item in settings.items() if item is not False}
            for route, settings in value.items()
        }
    return value


KINDS = {
    kind.name: kind
    for kind in (
        Kind("Api", NewApiMembers, Api),
        Kind("Authorizer", AuthorizerMembers, Authorizer),
        Kind("Model", ModelMembers, ApiModel),
        Kind("Integration", IntegrationMembers, Integration),
        Kind("IntegrationResponse", IntegrationResponseMembers, IntegrationResponse),
        Kind("Route", RouteMembers, Route),
        Kind("RouteResponse", RouteResponseMembers, RouteResponse),
        Kind("Stage", NewStageMembers, Stage),
        Kind("TestCase", TestCaseMembers, TestCase),
    )
}
