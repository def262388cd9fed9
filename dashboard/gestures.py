"""What one does in the designer: each gesture is one operation, and tells the gestures that take it back.

    done = carry_out("ab12cd34ef", {"gesture": "delete-route", "routeId": "k3v9x2a"})
    done.undo  # ({"gesture": "restore-route", "document": {…}},)

What takes back is a gesture itself, so it tells how to do it again: that is all that undo and redo need.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations import BadRequest
from gatewayapp.controlplane.operations.integrations import IntegrationMembers
from gatewayapp.controlplane.operations.members import keywords
from gatewayapp.controlplane.operations.route_responses import RouteResponseMembers
from gatewayapp.controlplane.operations.routes import RouteMembers
from gatewayapp.core.graph import SELECTOR, title_of
from gatewayapp.models import Document


@dataclass(frozen=True, slots=True)
class Done:
    """What was done, in a sentence; `node` is the key of the node to look at now, empty where there is none.

    `made` is the id of a deployment, which has no node.
    """

    sentence: str
    node: str = ""
    undo: tuple[Document, ...] = ()
    made: str = ""


def carry_out(api_id: str, gesture: Mapping[str, Any]) -> Done:
    """Carry out one gesture. Raises OperationError where it is none, or its operation refuses."""
    name = _text(gesture, "gesture")
    if name not in _GESTURES:
        raise BadRequest(f"There is no gesture {name!r}; there are {', '.join(sorted(_GESTURES))}.")
    return _GESTURES[name](api_id, gesture)


# routes


def _create_route(api_id: str, gesture: Mapping[str, Any]) -> Done:
    route = operations.create_route(api_id=api_id, **keywords(RouteMembers, _object(gesture, "route")))
    return _made_route(route, "Added")


def _duplicate_route(api_id: str, gesture: Mapping[str, Any]) -> Done:
    route_key = _text(gesture, "routeKey")
    route = operations.duplicate_route(api_id=api_id, route_id=_text(gesture, "routeId"), route_key=route_key)
    return _made_route(route, "Duplicated as")


def _restore_route(api_id: str, gesture: Mapping[str, Any]) -> Done:
    return _made_route(operations.restore_route(api_id=api_id, document=_object(gesture, "document")), "Restored")


def _made_route(route: Any, verb: str) -> Done:
    undo = {"gesture": "delete-route", "routeId": route.pk}
    return Done(f"{verb} route {route.route_key}.", _route(route.pk), (undo,))


def _update_route(api_id: str, gesture: Mapping[str, Any]) -> Done:
    route_id, members = _text(gesture, "routeId"), _object(gesture, "members")
    before = operations.get_route(api_id=api_id, route_id=route_id).document()
    changed = _changed(before, members, _ROUTE_DEFAULTS)
    if not changed:
        return Done("Nothing was changed.", _route(route_id))
    route = operations.update_route(api_id=api_id, route_id=route_id, **keywords(RouteMembers, changed))
    undo = {"gesture": "update-route", "routeId": route_id, "members": _previous(before, changed, _ROUTE_DEFAULTS)}
    return Done(_told_of_route(route, before, changed), _route(route_id), (undo,))


def _told_of_route(route: Any, before: Document, changed: Document) -> str:
    if "routeKey" in changed:
        return f"Renamed route {before['routeKey']} to {route.route_key}."
    if set(changed) != {"target"}:
        return f"Changed route {route.route_key}."
    if route.integration is None:
        return f"Disconnected route {route.route_key}."
    return f"Connected route {route.route_key} to {title_of(route.integration.document())}."


def _delete_route(api_id: str, gesture: Mapping[str, Any]) -> Done:
    route_id = _text(gesture, "routeId")
    document = operations.get_route_document(api_id=api_id, route_id=route_id)
    operations.delete_route(api_id=api_id, route_id=route_id)
    return Done(f"Deleted route {document['routeKey']}.", undo=({"gesture": "restore-route", "document": document},))


def _answer_route(api_id: str, gesture: Mapping[str, Any]) -> Done:
    """Make a route two-way, by a route response."""
    route_id, response = _text(gesture, "routeId"), _object(gesture, "response", {"routeResponseKey": "$default"})
    members = keywords(RouteResponseMembers, response)
    operations.create_route_response(api_id=api_id, route_id=route_id, **members)
    route = operations.get_route(api_id=api_id, route_id=route_id)
    undo = {"gesture": "silence-route", "routeId": route_id}
    return Done(f"Made route {route.route_key} two-way.", _route(route_id), (undo,))


def _silence_route(api_id: str, gesture: Mapping[str, Any]) -> Done:
    """Make a route one-way: what its backend answers does not go back to the client."""
    route_id = _text(gesture, "routeId")
    route = operations.get_route(api_id=api_id, route_id=route_id)
    response = route.route_responses.first()
    if response is None:
        raise BadRequest(f"Route {route.route_key} is one-way already.")
    operations.delete_route_response(api_id=api_id, route_id=route_id, route_response_id=response.pk)
    undo = {"gesture": "answer-route", "routeId": route_id, "response": response.document()}
    return Done(f"Made route {route.route_key} one-way.", _route(route_id), (undo,))


# integrations


def _create_integration(api_id: str, gesture: Mapping[str, Any]) -> Done:
    members = keywords(IntegrationMembers, _object(gesture, "integration"))
    return _made_integration(operations.create_integration(api_id=api_id, **members), "Added")


def _duplicate_integration(api_id: str, gesture: Mapping[str, Any]) -> Done:
    integration_id = _text(gesture, "integrationId")
    made = operations.duplicate_integration(api_id=api_id, integration_id=integration_id)
    return _made_integration(made, "Duplicated")


def _restore_integration(api_id: str, gesture: Mapping[str, Any]) -> Done:
    document = _object(gesture, "document")
    return _made_integration(operations.restore_integration(api_id=api_id, document=document), "Restored")


def _made_integration(integration: Any, verb: str) -> Done:
    undo = {"gesture": "delete-integration", "integrationId": integration.pk}
    return Done(f"{verb} integration {title_of(integration.document())}.", _integration(integration.pk), (undo,))


def _update_integration(api_id: str, gesture: Mapping[str, Any]) -> Done:
    integration_id, members = _text(gesture, "integrationId"), _object(gesture, "members")
    before = operations.get_integration(api_id=api_id, integration_id=integration_id).document()
    parameters = before.get("requestParameters", {})
    changed = _changed(before, members, _INTEGRATION_DEFAULTS) | _changed_parameters(parameters, members)
    if not changed:
        return Done("Nothing was changed.", _integration(integration_id))
    values = keywords(IntegrationMembers, changed)
    made = operations.update_integration(api_id=api_id, integration_id=integration_id, **values)
    previous = _previous(before, changed, _INTEGRATION_DEFAULTS)
    if "requestParameters" in changed:
        previous["requestParameters"] = {key: parameters.get(key, "") for key in changed["requestParameters"]}
    undo = {"gesture": "update-integration", "integrationId": integration_id, "members": previous}
    return Done(f"Changed integration {title_of(made.document())}.", _integration(integration_id), (undo,))


def _delete_integration(api_id: str, gesture: Mapping[str, Any]) -> Done:
    integration_id = _text(gesture, "integrationId")
    document = operations.get_integration_document(api_id=api_id, integration_id=integration_id)
    operations.delete_integration(api_id=api_id, integration_id=integration_id)
    undo = {"gesture": "restore-integration", "document": document}
    return Done(f"Deleted integration {title_of(document)}.", undo=(undo,))


def _create_route_with_integration(api_id: str, gesture: Mapping[str, Any]) -> Done:
    route, integration = operations.create_route_with_integration(
        api_id=api_id,
        route=_object(gesture, "route"),
        integration=_object(gesture, "integration"),
        two_way=gesture.get("twoWay") is True,
    )
    undo: tuple[Document, ...] = (
        {"gesture": "delete-route", "routeId": route.pk},
        {"gesture": "delete-integration", "integrationId": integration.pk},
    )
    title = title_of(integration.document())
    return Done(f"Added route {route.route_key}, which leads to {title}.", _route(route.pk), undo)


# the API and its deployments


def _update_api(api_id: str, gesture: Mapping[str, Any]) -> Done:
    before = operations.get_api(api_id=api_id).route_selection_expression
    expression = _text(gesture, "routeSelectionExpression")
    if expression == before:
        return Done("Nothing was changed.", SELECTOR)
    operations.update_api(api_id=api_id, route_selection_expression=expression)
    undo = {"gesture": "update-api", "routeSelectionExpression": before}
    return Done(f"Routes are selected by {expression} now.", SELECTOR, (undo,))


def _create_stage(api_id: str, gesture: Mapping[str, Any]) -> Done:
    stage_name, deployment_id = _text(gesture, "stageName"), _text(gesture, "deploymentId")
    operations.create_stage(api_id=api_id, stage_name=stage_name, deployment_id=deployment_id)
    return Done(f"Stage {stage_name} is new, and serves deployment {deployment_id}.")


def _create_deployment(api_id: str, gesture: Mapping[str, Any]) -> Done:
    stage_name, description = str(gesture.get("stageName") or ""), str(gesture.get("description") or "")
    made = operations.create_deployment(api_id=api_id, stage_name=stage_name, description=description)
    where = f"Stage {stage_name} serves deployment {made.pk} now." if stage_name else f"Made deployment {made.pk}."
    return Done(where, made=made.pk)


_GESTURES: Mapping[str, Callable[[str, Mapping[str, Any]], Done]] = {
    "answer-route": _answer_route,
    "create-deployment": _create_deployment,
    "create-integration": _create_integration,
    "create-route": _create_route,
    "create-stage": _create_stage,
    "create-route-with-integration": _create_route_with_integration,
    "delete-integration": _delete_integration,
    "delete-route": _delete_route,
    "duplicate-integration": _duplicate_integration,
    "duplicate-route": _duplicate_route,
    "restore-integration": _restore_integration,
    "restore-route": _restore_route,
    "silence-route": _silence_route,
    "update-api": _update_api,
    "update-integration": _update_integration,
    "update-route": _update_route,
}

_ROUTE_DEFAULTS: Document = {
    "routeKey": "",
    "target": "",
    "authorizationType": "NONE",
    "authorizerId": "",
    "operationName": "",
    "modelSelectionExpression": "",
}
"""The members of a route that are changed in the designer, and what they are where a document leaves them out."""

_INTEGRATION_DEFAULTS: Document = {
    "integrationType": "",
    "integrationMethod": "",
    "integrationUri": "",
    "description": "",
    "timeoutInMillis": 29_000,
    "requestTemplates": {},
    "requestParameters": {},
}


def _changed(before: Document, members: Mapping[str, Any], defaults: Document) -> Document:
    """Those of `members` that differ from what there is."""
    for name in members:
        if name not in defaults:
            raise BadRequest(f"{name} is not changed here; {', '.join(defaults)} are.")
    return {
        name: value
        for name, value in members.items()
        if name != "requestParameters" and value != before.get(name, defaults[name])
    }


def _changed_parameters(before: Mapping[str, str], members: Mapping[str, Any]) -> Document:
    """Those request parameters that differ, as they are merged: an empty string removes one."""
    given = _object(members, "requestParameters", {})
    changed = {key: source for key, source in given.items() if source != before.get(key, "")}
    return {"requestParameters": changed} if changed else {}


def _previous(before: Document, changed: Document, defaults: Document) -> Document:
    return {name: before.get(name, defaults[name]) for name in changed}


def _text(gesture: Mapping[str, Any], name: str) -> str:
    value = gesture.get(name)
    if not isinstance(value, str) or not value:
        raise BadRequest(f"This gesture needs {name}, a string.")
    return value


def _object(gesture: Mapping[str, Any], name: str, default: Document | None = None) -> Mapping[str, Any]:
    value = gesture.get(name, default)
    if not isinstance(value, Mapping):
        raise BadRequest(f"This gesture needs {name}, an object.")
    return value


def _route(route_id: str) -> str:
    return f"route/{route_id}"


def _integration(integration_id: str) -> str:
    return f"integration/{integration_id}"
