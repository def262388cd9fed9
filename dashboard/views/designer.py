"""The designer: the picture of an API, its side panel, and the gestures that change the draft."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from dashboard.gestures import carry_out
from dashboard.permissions import Request, page
from gatewayapp.controlplane import operations
from gatewayapp.controlplane.api.requests import body_document, expected_draft, json_body
from gatewayapp.controlplane.api.v1.graphs import document_of
from gatewayapp.controlplane.api.v1.permissions import on_api
from gatewayapp.controlplane.api.views import api_endpoint
from gatewayapp.controlplane.operations import NotFound, OperationError
from gatewayapp.core.graph import backend_of, label_of, title_of
from gatewayapp.core.redaction import redacted, redacted_url
from gatewayapp.core.roles import Permission


@page(read=on_api(Permission.READ_APIS))
def designer(request: Request, api_id: str) -> HttpResponse:
    api = operations.get_api(api_id=api_id)
    context = {
        "api": api,
        "may_write": request.access.may(Permission.WRITE_APIS, api_id),
        "may_send": request.access.may(Permission.WRITE_CONNECTIONS, api_id),
        "may_watch": request.access.may(Permission.READ_CONNECTIONS, api_id),
    }
    return render(request, "dashboard/designer/designer.html", context)


@page(read=on_api(Permission.READ_APIS))
def designer_panel(request: Request, api_id: str) -> HttpResponse:
    """The side panel of one node, which `?node=` names by its key."""
    kind, _, resource_id = request.GET.get("node", "").partition("/")
    if kind not in _PANELS:
        raise NotFound(f"There is no node {kind!r}.", resourceType="Node")
    may_write = request.access.may(Permission.WRITE_APIS, api_id)
    shared = {"api": operations.get_api(api_id=api_id), "may_write": may_write}
    return render(request, f"dashboard/designer/_{kind}.html", shared | _PANELS[kind](request, api_id, resource_id))


@page(write=on_api(Permission.WRITE_APIS))
@require_POST
def designer_gesture(request: Request, api_id: str) -> HttpResponse:
    """Carry out one gesture, on the draft that `If-Match` names; the answer holds the picture afterwards.

    That an operation refuses is an answer as well, which is no failure of this page.
    """
    try:
        gesture = body_document(json_body(request))
        with expected_draft(request, api_id):
            done = carry_out(api_id, gesture)
        graph = operations.get_graph(api_id=api_id)
    except OperationError as error:
        return JsonResponse({"status": error.status, "refused": {"message": error.message, **error.details}})
    return JsonResponse({**asdict(done), "graph": document_of(graph)})


def _client(request: Request, api_id: str, _: str) -> dict[str, Any]:
    endpoint = api_endpoint(request, api_id)
    urls = [(stage, f"{endpoint}/{stage.stage_name}") for stage in operations.get_stages(api_id=api_id)]
    return {"addresses": [(stage, url, f"http{url.removeprefix('ws')}/@connections") for stage, url in urls]}


def _selector(_: Request, api_id: str, __: str) -> dict[str, Any]:
    return {"routes": operations.get_routes(api_id=api_id)}


def _route(_: Request, api_id: str, resource_id: str) -> dict[str, Any]:
    route = operations.get_route(api_id=api_id, route_id=resource_id)
    integrations = [(item.pk, _choice(item.document())) for item in operations.get_integrations(api_id=api_id)]
    return {
        "route": route,
        "response": route.route_responses.first(),
        "integrations": sorted(integrations, key=lambda item: item[1]),
        "authorizers": operations.get_authorizers(api_id=api_id),
        "models": route.request_models.items(),
    }


def _choice(integration: Mapping[str, Any]) -> str:
    """What tells integrations apart comes first: many call the same backend, and a list cuts what is long."""
    label, backend = label_of(integration), backend_of(integration)
    return label if backend in label else f"{label} · {backend}"


def _integration(request: Request, api_id: str, resource_id: str) -> dict[str, Any]:
    integration = operations.get_integration(api_id=api_id, integration_id=resource_id)
    uri, parameters = integration.integration_uri, integration.request_parameters
    others = {key: template for key, template in integration.request_templates.items() if key != "$default"}
    return {
        "integration": integration,
        # Whoever may change it sees it as it is.
        "uri": uri if request.access.may(Permission.WRITE_APIS, api_id) else redacted_url(uri),
        "template": integration.request_templates.get("$default", ""),
        "other_keys": list(others),
        "other_templates": json.dumps(others),
        "parameters": redacted({"requestParameters": parameters})["requestParameters"].items(),
        "sends_connection_id": parameters.get(_CONNECTION_ID) == "context.connectionId",
        "own_connection_id": parameters.get(_CONNECTION_ID) not in (None, "context.connectionId"),
        "responses": integration.integration_responses.all(),
        "routes": integration.routes.all(),
        **_CHOICES,
    }


def _new_integration(*_: Any) -> dict[str, Any]:
    return dict(_CHOICES)


def _authorizer(_: Request, api_id: str, resource_id: str) -> dict[str, Any]:
    authorizer = operations.get_authorizer(api_id=api_id, authorizer_id=resource_id)
    return {"authorizer": authorizer, "routes": authorizer.routes.all()}


def _backend(_: Request, api_id: str, resource_id: str) -> dict[str, Any]:
    """A backend is no resource: what calls it is shown, found by the node that it makes."""
    graph = operations.get_graph(api_id=api_id).graph
    node = next((node for node in graph.nodes if node.key == f"backend/{resource_id}"), None)
    if node is None:
        raise NotFound("No integration calls this backend any more.", resourceType="Node")
    integrations = operations.get_integrations(api_id=api_id)
    callers = [item for item in integrations if backend_of(item.document()) == node.label]
    return {"node": node, "callers": [(item.pk, title_of(item.document())) for item in callers]}


_CONNECTION_ID = "integration.request.header.connectionId"
"""The mapping that tells a backend whom to push to; the panel has a tick for it."""

_CHOICES = {
    "types": ("HTTP_PROXY", "HTTP", "AWS_PROXY", "AWS", "MOCK"),
    "methods": ("POST", "GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"),
}

_PANELS = {
    "client": _client,
    "selector": _selector,
    "authorizer": _authorizer,
    "route": _route,
    "integration": _integration,
    "new_integration": _new_integration,
    "backend": _backend,
}
