"""The designer's tests: what a message would do, or, when it is truly sent, did; told as fragments of its panel."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from dashboard.permissions import Request, page
from dashboard.texts import indented
from dashboard.traffic import waterfall
from gatewayapp.controlplane import operations
from gatewayapp.controlplane.api.v1.permissions import on_api
from gatewayapp.controlplane.operations import BadRequest
from gatewayapp.controlplane.operations.deployments import DRAFT
from gatewayapp.controlplane.operations.route_tests import RouteTest
from gatewayapp.controlplane.operations.test_cases import LONGEST_MESSAGE
from gatewayapp.core.diff import MemberChange
from gatewayapp.core.dry_run import document_of
from gatewayapp.core.graph import graph_of, title_of
from gatewayapp.core.roles import Permission
from gatewayapp.core.traces import INTEGRATED, Trace
from gatewayapp.models import Document
from gatewayapp.models.redaction import redactor


@dataclass(frozen=True, slots=True)
class Difference:
    """A member in which the draft does otherwise than what a stage serves, as it is shown."""

    title: str
    deployed: str
    draft: str


@page(write=on_api(Permission.READ_APIS))
@require_POST
def designer_test(request: Request, api_id: str) -> HttpResponse:
    """What the message would do; with a stage, also where its deployment and the draft differ. Nobody is called."""
    message, stage_name, served = _asked(request)
    context: dict[str, Any] = {"stage_name": stage_name, "served": served, "compared": False}
    if stage_name and _serves(api_id, stage_name):
        both = operations.compare_route_tests(api_id=api_id, message=message, stage_name=stage_name)
        test = both.deployed if served else both.draft
        context |= {"compared": True, "differences": differences_of(both.differences)}
    else:
        deployment_id = "" if served else DRAFT
        test = operations.run_route_test(
            api_id=api_id, message=message, stage_name=stage_name, deployment_id=deployment_id
        )
    return render(request, "dashboard/designer/_tested.html", context | _told(api_id, test))


@page(write=on_api(Permission.WRITE_CONNECTIONS))
@require_POST
def designer_test_send(request: Request, api_id: str) -> HttpResponse:
    """What the message did: the backend was called."""
    message, stage_name, served = _asked(request)
    sent = operations.send_route_test(
        api_id=api_id, message=message, stage_name=stage_name, deployment_id="" if served else DRAFT
    )
    told = {
        "trace": sent.trace,
        "bars": waterfall(sent.trace),
        "done": done_by(sent.trace),
        "stage_name": stage_name,
        "served": served,
    }
    return render(request, "dashboard/designer/_tested.html", _told(api_id, sent.test) | told)


def done_by(trace: Trace) -> tuple[str, str]:
    """What a message that was truly sent did to the backend, as a tone and in words."""
    step = next((step for step in trace.steps if step.name == INTEGRATED), None)
    if step is None:
        return "bad", "sent: it reached no backend"
    if step.error is not None:
        return "bad", "sent: the backend gave no answer"
    if trace.integration_type == "MOCK":
        return "info", "sent: the MOCK integration answered"
    return "info", "sent: the backend was called"


def differences_of(changes: Sequence[MemberChange]) -> list[Difference]:
    """Differences under the names that the page has for them; what follows from another one is left out."""
    return [
        Difference(_title(change.member), _shown(change.before), _shown(change.after))
        for change in changes
        if change.member not in _FOLLOWING
    ]


def _asked(request: Request) -> tuple[str, str, bool]:
    """The message, the stage whose settings count, and whether what it serves is tried instead of the draft."""
    message = request.POST.get("message", "")
    if len(message) > LONGEST_MESSAGE:
        raise BadRequest(f"A message to try may have at most {LONGEST_MESSAGE} characters.")
    return message, request.POST.get("stage", ""), request.POST.get("served") == "true"


def _serves(api_id: str, stage_name: str) -> bool:
    return operations.get_stage(api_id=api_id, stage_name=stage_name).deployment_id is not None


def _told(api_id: str, test: RouteTest) -> dict[str, Any]:
    """A test as the template shows it."""
    snapshot = operations.get_snapshot(api_id=api_id, deployment_id=test.deployment_id)
    labels = {node.key: node.label for node in graph_of(snapshot).nodes}
    run = document_of(test.run)
    asked = run["request"]
    return {
        "run": run,
        "nodes": test.nodes,
        "way": [labels[key] for key in test.nodes],
        "body": "" if asked is None else indented(asked.get("body", "")),
        "mapping": _mapping(snapshot, run["integrationId"]),
    }


def _mapping(snapshot: Document, integration_id: str | None) -> dict[str, Any] | None:
    """What made the request out of the message."""
    found = next((each for each in snapshot["integrations"] if each["integrationId"] == integration_id), None)
    if found is None:
        return None
    shown = redactor().document(found)
    return {
        "title": title_of(found),
        "type": found["integrationType"],
        "parameters": shown.get("requestParameters", {}).items(),
        "templates": shown.get("requestTemplates", {}).items(),
    }


def _title(member: str) -> str:
    header = member.removeprefix("request.headers.")
    return f"Header {header}" if header != member else _TITLES.get(member, member)


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else indented(str(value))


_TITLES = {
    "expression": "Expression",
    "value": "Its value",
    "routeKey": "Route",
    "integrationId": "Integration",
    "twoWay": "Two-way",
    "request.type": "Kind of request",
    "request.method": "Method",
    "request.url": "URL",
    "request.body": "Body",
    "request.functionName": "Function",
    "request.qualifier": "Version of the function",
    "request.region": "Region",
    "request.statusCode": "Status it answers",
    "error": "Error",
    "errorFrame": "Frame for the client",
}
_FOLLOWING = ("reason", "request.headers.Content-Length", "request.headers.Host")
"""Members that differ only because another one does: the route, the body, the URL."""
