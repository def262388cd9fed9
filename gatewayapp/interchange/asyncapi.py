"""A definition as an AsyncAPI 3.0 document: what a client may send, what it may get back, and where.

The API is one channel whose messages are the route keys; each route is an operation that receives one, with a reply
where the route has a route response. What AsyncAPI has no word for stands in `x-nopal-` members. Specification:
https://www.asyncapi.com/docs/reference/specification/v3.0.0 and the WebSockets binding 0.1.0.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from gatewayapp.interchange.documents import Document
from gatewayapp.interchange.drafts import unique
from gatewayapp.interchange.kinds import schema_object
from gatewayapp.interchange.plans import Definition, Part, referred

_LIFECYCLE = ("$connect", "$disconnect")
_CHANNEL = "#/channels/api"
_CONSTRAINTS = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}


def write(definition: Definition, endpoint: str) -> Document:
    """The document of a definition; `endpoint` is the URL that stage names follow."""
    routes = [route for route in definition.routes if route.name not in _LIFECYCLE]
    names = dict(zip([route.name for route in routes], unique(map(_component, routes)), strict=True))
    types: dict[tuple[str, str] | None, str] = {
        ("Integration", part.name): part.members["integrationType"] for part in definition.integrations
    }
    components = {"messages": _messages(definition, routes, names), "schemas": _schemas(definition)}
    document = {
        "asyncapi": "3.0.0",
        "info": _info(definition.api),
        "defaultContentType": "application/json",
        "servers": {stage.name: _server(stage, endpoint) for stage in definition.stages},
        "channels": {"api": _channel(definition, routes, names)},
        "operations": {names[route.name]: _operation(route, names[route.name], types) for route in routes},
        "components": {name: value for name, value in components.items() if value},
    }
    return {name: value for name, value in document.items() if value}


def _info(api: Part) -> Document:
    members = api.members
    info = {"title": members["name"], "version": members.get("version", "1")}
    if "description" in members:
        info["description"] = members["description"]
    return {**info, "x-nopal-route-selection-expression": members["routeSelectionExpression"]}


def _server(stage: Part, endpoint: str) -> Document:
    url = urlsplit(endpoint)
    server = {"host": url.netloc, "pathname": f"{url.path.rstrip('/')}/{stage.name}", "protocol": url.scheme}
    description = stage.members.get("description")
    return {**server, "description": description} if description else server


def _channel(definition: Definition, routes: list[Part], names: Mapping[str, str]) -> Document:
    keys = [name for route in routes for name in _message_names(route, names[route.name])]
    connect = next((route for route in definition.routes if route.name == "$connect"), None)
    binding = _binding(connect) if connect else {}
    access = _access(connect) if connect else {}
    channel: Document = {
        "address": "/",
        "messages": {key: {"$ref": f"#/components/messages/{key}"} for key in keys},
        "bindings": {"ws": {**binding, "bindingVersion": "0.1.0"}},
    }
    return {**channel, **access}


def _binding(connect: Part) -> Document:
    """Schemas of the query string and the headers that a handshake may or must have."""
    found: dict[str, Document] = {}
    for path, constraint in connect.members.get("requestParameters", {}).items():
        location, name = path.removeprefix("route.request.").split(".", 1)
        schema = found.setdefault(location, {"type": "object", "properties": {}})
        schema["properties"][name] = {"type": "string"}
        if constraint.get("required"):
            schema.setdefault("required", []).append(name)
    places = {"querystring": "query", "header": "headers"}
    return {places[location]: schema for location, schema in found.items() if location in places}


def _access(connect: Part) -> Document:
    names = {"authorizationType": "x-nopal-authorization-type", "apiKeyRequired": "x-nopal-api-key-required"}
    return {names[name]: connect.members[name] for name in names if name in connect.members}


def _message_names(route: Part, name: str) -> list[str]:
    return [name, f"{name}.reply"] if route.responses else [name]


def _operation(route: Part, name: str, types: Mapping[tuple[str, str] | None, str]) -> Document:
    operation: Document = {
        "action": "receive",
        "channel": {"$ref": _CHANNEL},
        "messages": [{"$ref": f"{_CHANNEL}/messages/{_pointer(name)}"}],
        "x-nopal-route-key": route.name,
        **_integration(route, types),
    }
    if "operationName" in route.members:
        operation["title"] = route.members["operationName"]
    if route.responses:
        operation["reply"] = {
            "channel": {"$ref": _CHANNEL},
            "messages": [{"$ref": f"{_CHANNEL}/messages/{_pointer(name)}.reply"}],
        }
    return operation


def _integration(route: Part, types: Mapping[tuple[str, str] | None, str]) -> Document:
    """What handles the route's messages, by its type; where backends are is nothing for an API's clients."""
    target = referred(route.members.get("target", "").removeprefix("integrations/"))
    return {"x-nopal-integration-type": types[target]} if target in types else {}


def _messages(definition: Definition, routes: list[Part], names: Mapping[str, str]) -> Document:
    models = {model.name for model in definition.models}
    messages: Document = {}
    for route in routes:
        name = names[route.name]
        messages[name] = {"name": route.name, **_payload(route.members.get("requestModels", {}), models)}
        for response in route.responses[:1]:
            payload = _payload(response.members.get("responseModels", {}), models)
            messages[f"{name}.reply"] = {"name": f"{route.name} reply", **payload}
    return messages


def _payload(chosen: Mapping[str, str], models: set[str]) -> Document:
    """The payload's schema: the one model, or any of several that a selection expression chooses between."""
    references = [
        {"$ref": f"#/components/schemas/{model}"} for model in dict.fromkeys(chosen.values()) if model in models
    ]
    if not references:
        return {}
    return {"payload": references[0] if len(references) == 1 else {"anyOf": references}}


def _schemas(definition: Definition) -> Document:
    schemas = {}
    for model in definition.models:
        schema = schema_object(model.members["schema"])
        if isinstance(schema, dict):
            schemas[model.name] = _draft_7(schema, f"#/components/schemas/{model.name}")
    return schemas


def _draft_7(schema: Any, base: str) -> Any:
    """A JSON Schema of draft 4, which API Gateway takes, as AsyncAPI's draft 7, its own references under `base`."""
    if isinstance(schema, list):
        return [_draft_7(item, base) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _draft_7(value, base) for name, value in schema.items() if name not in ("$schema", "id")}
    for exclusive, bound in _CONSTRAINTS.items():
        if isinstance(found.get(exclusive), bool):
            value = found.pop(exclusive)
            if value and bound in found:
                found[exclusive] = found.pop(bound)
    target = found.get("$ref")
    if isinstance(target, str) and target.startswith("#"):
        found["$ref"] = base + target[1:]
    elif isinstance(target, str):
        # Of another API's model on AWS, perhaps; a reader of this document could not follow it.
        return {"description": f"See {target}"}
    return found


def _component(route: Part) -> str:
    """A route's key as a component may be called: `default`, `room.join`."""
    return re.sub(r"[^\w.-]+", ".", route.name, flags=re.ASCII).strip(".") or "route"


def _pointer(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
