"""Traffic as it comes, one trace with its steps, and sending a traced message again."""

import json
from time import monotonic, sleep
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from dashboard.permissions import Request, page
from dashboard.rendering import render_page
from dashboard.traffic import MOST_ROWS, TrafficForm, row_of, waterfall
from gatewayapp.controlplane.api.v1.permissions import on_api, on_some
from gatewayapp.controlplane.operations import traces
from gatewayapp.controlplane.operations.errors import BadRequest, NotFound, OperationError
from gatewayapp.core.dry_run import DryRun, document_of_request
from gatewayapp.core.roles import Permission
from gatewayapp.core.traces import MESSAGE, Trace
from gatewayapp.models import Api, Stage

_FIRST_ROWS = 100
_PATIENCE = 3.0
"""Seconds that a replay is waited for before the page says that it is under way."""


@page(read=on_some(Permission.READ_CONNECTIONS))
def traffic(request: Request) -> HttpResponse:
    form = TrafficForm(request.GET, request.access)
    rows: list[dict[str, Any]] = []
    newest, problem = 0, ""
    if form.is_valid():
        try:
            found = traces.get_traces(where=form.meant(), before=None, size=_FIRST_ROWS)
            rows = [row_of(trace, form.names) for trace in found.traces]
            newest = found.traces[0].number if found.traces else 0
        except OperationError as error:
            problem = error.message
    context = {
        "form": form,
        "rows": rows,
        "newest": newest,
        "problem": problem,
        "most_rows": MOST_ROWS,
        "query": request.GET.urlencode(),
        "filtered": any(value for value in request.GET.values()),
        "export_query": _export_query(form) if form.is_valid() else "",
        "recording": _recording(request),
    }
    return render(request, "dashboard/traffic/traffic.html", context)


def _api_of(trace_id: str) -> str:
    return traces.api_of_trace(trace_id=trace_id)


@page(read=on_some(Permission.READ_CONNECTIONS))
def trace(request: Request, trace_id: str) -> HttpResponse:
    """One trace; one that is not there, or not this person's to see, is one that is not there."""
    found = _find(request, trace_id)
    if found is None and request.GET.get("coming"):
        return render_page(
            request, "dashboard/traffic/coming.html", "dashboard/traffic/_coming.html", {"trace_id": trace_id}
        )
    if found is None:
        raise traces.no_such_trace(trace_id)
    return _show(request, found)


@page(read=on_api(Permission.WRITE_CONNECTIONS), write=on_api(Permission.WRITE_CONNECTIONS), api_of=_api_of)
def replay(request: Request, trace_id: str) -> HttpResponse:
    """POST: do the message again, as it was or changed, from its own connection or another, or see what it would do."""
    if request.method != "POST":
        return redirect("traffic-trace", trace_id=trace_id)
    text = request.POST.get("text", "")
    if request.POST.get("how") == "dry":
        found = traces.get_trace(trace_id=trace_id)
        run = traces.replay_dry(trace_id=trace_id, text=text)
        return _show(request, found, {"dry_run": run, "dry_request": _told(run), "text": text})
    connection_id = request.POST.get("connection", "").strip() or None
    try:
        done = traces.replay(trace_id=trace_id, text=text, connection_id=connection_id)
    except (BadRequest, NotFound) as error:
        found = traces.get_trace(trace_id=trace_id)
        return _show(request, found, {"problem": error.message, "text": text})
    if done.trace_id is None:
        messages.error(request, f"The connection did not take the message: {done.result.value}.")
        return redirect("traffic-trace", trace_id=trace_id)
    _wait_for(done.trace_id)
    return redirect(f"{reverse('traffic-trace', args=[done.trace_id])}?coming=1")


def _find(request: Request, trace_id: str) -> Trace | None:
    try:
        found = traces.get_trace(trace_id=trace_id)
    except NotFound:
        return None
    return found if request.access.may(Permission.READ_CONNECTIONS, found.api_id) else None


def _show(request: Request, found: Trace, more: dict[str, Any] | None = None) -> HttpResponse:
    names = dict(Api.objects.filter(pk=found.api_id).values_list("pk", "name"))
    whole = found.received is not None and not found.received.truncated
    context = {
        "trace": found,
        "row": row_of(found, names),
        "bars": waterfall(found),
        "may_replay": found.kind == MESSAGE and request.access.may(Permission.WRITE_CONNECTIONS, found.api_id),
        "text": found.received.text if found.received is not None and whole else "",
        "whole": whole,
        **(more or {}),
    }
    return render_page(request, "dashboard/traffic/trace.html", "dashboard/traffic/_trace.html", context)


def _told(run: DryRun) -> str:
    """The request that a dry run made, as indented JSON; empty where there is none."""
    return "" if run.request is None else json.dumps(document_of_request(run.request), indent=2, ensure_ascii=False)


def _wait_for(trace_id: str) -> None:
    until = monotonic() + _PATIENCE
    while monotonic() < until:
        try:
            traces.get_trace(trace_id=trace_id)
        except NotFound:
            sleep(0.05)
        else:
            return


def _recording(request: Request) -> list[str]:
    """The stages that record all the time, whether or not someone looks."""
    stages = Stage.objects.select_related("api").order_by("api__name", "stage_name")
    api_ids = request.access.apis_with(Permission.READ_CONNECTIONS)
    if api_ids is not None:
        stages = stages.filter(api_id__in=api_ids)
    return [
        f"{stage.api.name}, stage {stage.stage_name}"
        for stage in stages
        if stage.default_route_settings.get("dataTraceEnabled")
    ]


def _export_query(form: TrafficForm) -> str:
    """The same filters in the words of the REST API."""
    words = {
        "api": "apiId",
        "stage": "stage",
        "route": "routeKey",
        "connection": "connectionId",
        "kind": "kind",
        "status": "status",
        "text": "text",
        "path": "path",
        "equals": "equals",
    }
    given = {word: form.cleaned_data[name] for name, word in words.items() if form.cleaned_data[name]}
    return urlencode({**given, **({"hasErrors": "true"} if form.cleaned_data["failed"] else {})})
