"""What takes several operations, done at once: one change, one entry in the audit log.

Restoring is the way back from a deletion. What `get_route_document` or `get_integration_document` gave before it comes
back with all that belongs to it, under the ids that it had, so that whatever named them is right again.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from gatewayapp.controlplane.operations.changes import draft_change
from gatewayapp.controlplane.operations.errors import BadRequest, Conflict
from gatewayapp.controlplane.operations.integration_responses import (
    IntegrationResponseMembers,
    create_integration_response,
)
from gatewayapp.controlplane.operations.integrations import IntegrationMembers, create_integration, get_integration
from gatewayapp.controlplane.operations.members import keywords
from gatewayapp.controlplane.operations.route_responses import RouteResponseMembers, create_route_response
from gatewayapp.controlplane.operations.routes import RouteMembers, create_route, get_route
from gatewayapp.models import Document, Integration, Resource, Route

R = TypeVar("R", bound=Resource)


def get_route_document(*, api_id: str, route_id: str) -> Document:
    """The route with its responses, as a deployment holds it."""
    return route_with_responses(get_route(api_id=api_id, route_id=route_id))


def route_with_responses(route: Route) -> Document:
    return {**route.document(), "routeResponses": [response.document() for response in route.route_responses.all()]}


def get_integration_document(*, api_id: str, integration_id: str) -> Document:
    """The integration with its responses, as a deployment holds it."""
    integration = get_integration(api_id=api_id, integration_id=integration_id)
    responses = [response.document() for response in integration.integration_responses.all()]
    return {**integration.document(), "integrationResponses": responses}


@draft_change
def duplicate_route(*, api_id: str, route_id: str, route_key: str) -> Route:
    """A route like another one, with responses like its, under a key of its own."""
    document = get_route_document(api_id=api_id, route_id=route_id)
    return _make_route(api_id, {**document, "routeKey": route_key})


@draft_change
def restore_route(*, api_id: str, document: Mapping[str, Any]) -> Route:
    """Make the route of a document that `get_route_document` gave."""
    return _make_route(api_id, document, _id_of(document, "routeId", Route))


@draft_change
def duplicate_integration(*, api_id: str, integration_id: str) -> Integration:
    """An integration like another one, with responses like its."""
    return _make_integration(api_id, get_integration_document(api_id=api_id, integration_id=integration_id))


@draft_change
def restore_integration(*, api_id: str, document: Mapping[str, Any]) -> Integration:
    """Make the integration of a document that `get_integration_document` gave."""
    return _make_integration(api_id, document, _id_of(document, "integrationId", Integration))


@draft_change
def create_route_with_integration(
    *, api_id: str, route: Mapping[str, Any], integration: Mapping[str, Any], two_way: bool = False
) -> tuple[Route, Integration]:
    """A route and the integration that it leads to, both in wire form; with a route response if it is `two_way`."""
    made = create_integration(api_id=api_id, **keywords(IntegrationMembers, integration))
    target = f"integrations/{made.pk}"
    responses = [{"routeResponseKey": "$default"}] if two_way else []
    return _make_route(api_id, {**route, "target": target, "routeResponses": responses}), made


def _make_route(api_id: str, document: Mapping[str, Any], route_id: str = "") -> Route:
    route = create_route(api_id=api_id, **keywords(RouteMembers, document))
    if route_id:
        route = _renamed(route, route_id)
    for response in _responses(document, "routeResponses"):
        members = keywords(RouteResponseMembers, response)
        create_route_response(api_id=api_id, route_id=route.pk, **members)
    return route


def _make_integration(api_id: str, document: Mapping[str, Any], integration_id: str = "") -> Integration:
    integration = create_integration(api_id=api_id, **keywords(IntegrationMembers, document))
    if integration_id:
        integration = _renamed(integration, integration_id)
    for response in _responses(document, "integrationResponses"):
        members = keywords(IntegrationResponseMembers, response)
        create_integration_response(api_id=api_id, integration_id=integration.pk, **members)
    return integration


def _renamed(made: R, resource_id: str) -> R:
    """What was just made, and nothing refers to yet, under another id."""
    resources = type(made)._default_manager
    resources.filter(pk=made.pk).update(**{made._meta.pk.attname: resource_id})
    return resources.get(pk=resource_id)


def _id_of(document: Mapping[str, Any], member: str, resources: type[Resource]) -> str:
    """The id that a document tells, which nothing has now."""
    resource_id = document.get(member)
    if not isinstance(resource_id, str) or not re.fullmatch("[a-z0-9]{7}", resource_id):
        raise BadRequest(f"The document needs its {member}: take it as it was before the deletion.")
    if resources._default_manager.filter(pk=resource_id).exists():
        raise Conflict(f"{resource_id} is there already: nothing is to be restored.")
    return resource_id


def _responses(document: Mapping[str, Any], member: str) -> list[Mapping[str, Any]]:
    responses = document.get(member, [])
    if not isinstance(responses, list) or not all(isinstance(each, Mapping) for each in responses):
        raise BadRequest(f"{member} must be a list of objects.")
    return responses
