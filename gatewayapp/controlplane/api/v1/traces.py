"""Traces: the newest ones in pages, as a file or as they come, one with its steps, and doing a message again."""

from collections.abc import AsyncIterator, Callable
from functools import cached_property
from time import monotonic
from typing import Any

import orjson
from asgiref.sync import sync_to_async
from django.http import HttpResponse, StreamingHttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gatewayapp.controlplane.api.v1.moments import moment
from gatewayapp.controlplane.api.v1.pagination import decode, encode, invalid_cursor
from gatewayapp.controlplane.api.v1.permissions import check_api, renewed_access
from gatewayapp.controlplane.api.v1.route_tests import DryRunShape
from gatewayapp.controlplane.api.v1.schema import endpoint
from gatewayapp.controlplane.api.v1.shapes import PageQuery, Shape, Text, page_of
from gatewayapp.controlplane.api.v1.views import View
from gatewayapp.controlplane.operations import traces
from gatewayapp.controlplane.operations.errors import BadRequest, NotFound
from gatewayapp.core.dry_run import document_of
from gatewayapp.core.outcomes import Fault
from gatewayapp.core.roles import Permission
from gatewayapp.core.traces import KINDS, Content, Step, Trace
from gatewayapp.live import Delivery, TraceFilter
from gatewayapp.models import Document

_LINES = "application/x-ndjson"
_LOOK_SECONDS = 1.0
"""Interval between two checks of whether the reader of a stream may still see it."""


class ContentShape(Shape):
    text = serializers.CharField(help_text="Without its secrets; of bytes that are no text, hexadecimal digits.")
    size = serializers.IntegerField(help_text="How much the whole is.")
    truncated = serializers.BooleanField()
    binary = serializers.BooleanField()


class TraceShape(Shape):
    """What happened to one event on a connection; texts are cut to a preview."""

    trace_id = serializers.CharField(help_text="Its request id.")
    kind = serializers.ChoiceField(KINDS)
    direction = serializers.ChoiceField(["in", "out"])
    source = serializers.ChoiceField(  # type: ignore[assignment]
        ["client", "gateway", "backend", "operator", "replay", "test"]
    )
    api_id = serializers.CharField()
    stage = serializers.CharField()
    connection_id = serializers.CharField()
    route_key = serializers.CharField(allow_null=True)
    integration_id = serializers.CharField(allow_null=True)
    integration_type = serializers.CharField(allow_null=True)
    status = serializers.CharField(
        allow_null=True, help_text="The integration's status, the error's name, or a close code."
    )
    fault = serializers.ChoiceField([fault.value for fault in Fault], allow_null=True)
    error = serializers.CharField(allow_null=True)
    delivery = serializers.ChoiceField([each.value for each in Delivery], allow_null=True)
    started_at = serializers.DateTimeField()
    duration = serializers.FloatField(help_text="Milliseconds.")
    received = ContentShape(allow_null=True)
    sent = ContentShape(allow_null=True)


class StepShape(Shape):
    """One step on the way; times in milliseconds."""

    name = serializers.CharField()
    offset = serializers.FloatField()
    duration = serializers.FloatField()
    input = ContentShape(allow_null=True)
    output = ContentShape(allow_null=True)
    error = serializers.CharField(allow_null=True)


class OneTraceShape(TraceShape):
    """The same with its steps; texts are whole, up to 16 KiB each."""

    steps = StepShape(many=True)


class TraceFilterShape(Shape):
    api_id = serializers.CharField(required=False, max_length=10)
    stage = serializers.CharField(required=False, max_length=128)
    connection_id = serializers.CharField(required=False, max_length=43)
    route_key = serializers.CharField(required=False, max_length=128)
    kind = serializers.ChoiceField(KINDS, required=False)
    status = serializers.CharField(required=False, max_length=64)
    has_errors = serializers.BooleanField(required=False, allow_null=True)
    text = serializers.CharField(required=False, max_length=256, help_text="A part of what was received or sent.")
    path = serializers.CharField(
        required=False, max_length=256, help_text="Where in the received JSON `equals` stands, as `items[0].id`."
    )
    equals = Text(required=False, max_length=256)


class TracesQuery(TraceFilterShape, PageQuery):
    pass


class ExportQuery(TraceFilterShape):
    most = serializers.IntegerField(min_value=1, max_value=2000, default=500)


class StreamQuery(TraceFilterShape):
    seconds = serializers.IntegerField(
        min_value=1, max_value=3600, default=600, help_text="After how long the stream ends."
    )


class ReplayShape(Shape):
    text = Text(required=False, max_length=2**20, help_text="Another text than the client's.")
    connection_id = serializers.CharField(
        required=False, max_length=43, help_text="Another connection of the API than the one that sent it."
    )
    dry = serializers.BooleanField(default=False, help_text="Only tell what it would do.")


class ReplayResultShape(Shape):
    result = serializers.ChoiceField([delivery.value for delivery in Delivery], allow_null=True)
    trace_id = serializers.CharField(allow_null=True, help_text="The trace that comes of it.")
    dry_run = DryRunShape(allow_null=True)


class TracesView(View):
    @endpoint(
        "ListTraces",
        "List traces, the newest first, and record what is asked for during the next minute",
        query=TracesQuery,
        answer=page_of(TraceShape),
        errors=(503,),
    )
    def get(self, request: Request) -> Response:
        query = self.query(TracesQuery)
        size, cursor = query.pop("page_size"), query.pop("cursor", None)
        page = traces.get_traces(where=_meant(self, query), before=_before(cursor), size=size)
        return Response(
            {
                "items": [_document(trace) for trace in page.traces],
                "nextCursor": encode(page.next_before, "") if page.next_before else None,
            }
        )


class ExportTracesView(View):
    @endpoint(
        "ExportTraces",
        "Read traces with their steps as lines of JSON, the newest first",
        query=ExportQuery,
        answer={(200, _LINES): OneTraceShape},
        errors=(503,),
    )
    def get(self, request: Request) -> HttpResponse:
        query = self.query(ExportQuery)
        most = query.pop("most")
        lines = [
            _line(document_of_trace(trace)) for trace in traces.export_traces(where=_meant(self, query), most=most)
        ]
        disposition = {"Content-Disposition": 'attachment; filename="traces.jsonl"'}
        return HttpResponse(b"".join(lines), content_type=_LINES, headers=disposition)


class StreamTracesView(View):
    @endpoint(
        "StreamTraces",
        "Read traces as they come, one line of JSON each",
        query=StreamQuery,
        answer={(200, _LINES): TraceShape},
        errors=(503,),
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        query = self.query(StreamQuery)
        seconds = query.pop("seconds")
        where = _meant(self, query)
        traces.check_traces(where=where)
        lines = _lines(where, seconds, lambda: renewed_access(request) == self.access)
        return StreamingHttpResponse(lines, content_type=_LINES, headers={"Cache-Control": "no-store"})


class TraceView(View):
    def api_id(self) -> str:
        return self._api_id

    @cached_property
    def _api_id(self) -> str:
        return traces.api_of_trace(trace_id=self.kwargs["trace_id"])

    def no_such_resource(self) -> NotFound:
        return traces.no_such_trace(self.kwargs["trace_id"])

    @endpoint("GetTrace", "Read a trace with its steps", answer=OneTraceShape, errors=(503,))
    def get(self, request: Request, trace_id: str) -> Response:
        return Response(document_of_trace(traces.get_trace(trace_id=trace_id)))


class ReplayView(TraceView):
    http_method_names = ["post"]

    @endpoint(
        "ReplayMessage",
        "Handle a traced message as if its client sent it again",
        body=ReplayShape,
        answer=ReplayResultShape,
        errors=(503,),
        example={"dry": True},
    )
    def post(self, request: Request, trace_id: str) -> Response:
        body = self.body(ReplayShape)
        if body.pop("dry"):
            run = traces.replay_dry(trace_id=trace_id, text=body.get("text"))
            return Response({"result": None, "traceId": None, "dryRun": document_of(run)})
        done = traces.replay(trace_id=trace_id, **body)
        return Response({"result": done.result.value, "traceId": done.trace_id, "dryRun": None})


async def _lines(where: TraceFilter, seconds: float, is_allowed: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Lines as traces come; an empty one now and then tells whether anyone still listens.

    The stream ends once `is_allowed`, which is called in a thread, denies that its reader may still see them.
    """
    looked = monotonic()
    until = looked + seconds
    watch = traces.watch_traces(where=where)
    try:
        yield b"\n"  # whoever has this, misses nothing from here on
        async for batch in watch:
            if monotonic() - looked >= _LOOK_SECONDS:
                looked = monotonic()
                if not await sync_to_async(is_allowed)():
                    return
            lines = [_line(_document(trace)) for trace in batch.traces]
            if batch.dropped:
                lines.insert(0, _line({"dropped": batch.dropped}))
            yield b"".join(lines) or b"\n"
            if monotonic() >= until:
                return
    finally:
        watch.close()


def _meant(view: View, conditions: dict[str, Any]) -> TraceFilter:
    """The filter, within the APIs whose traffic the caller may read."""
    if ("path" in conditions) != ("equals" in conditions):
        raise BadRequest("Give path and equals together: where in the JSON, and what must stand there.")
    where = TraceFilter(api_ids=view.access.apis_with(Permission.READ_CONNECTIONS), **conditions)
    if where.api_id:
        nothing = NotFound(f"There is no API {where.api_id}.", resourceType="Api")
        check_api(view.access, Permission.READ_CONNECTIONS, where.api_id, nothing)
    return where


def _before(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    number, _ = decode(cursor)
    if type(number) is not int:
        raise invalid_cursor()
    return number


def _document(trace: Trace) -> Document:
    return {
        "traceId": trace.trace_id,
        "kind": trace.kind,
        "direction": "in" if trace.inbound else "out",
        "source": trace.source,
        "apiId": trace.api_id,
        "stage": trace.stage,
        "connectionId": trace.connection_id,
        "routeKey": trace.route_key,
        "integrationId": trace.integration_id,
        "integrationType": trace.integration_type,
        "status": trace.status,
        "fault": trace.fault,
        "error": trace.error,
        "delivery": trace.delivery,
        "startedAt": moment(trace.started_at),
        "duration": trace.duration,
        "received": _content(trace.received),
        "sent": _content(trace.sent),
    }


def document_of_trace(trace: Trace) -> Document:
    return {**_document(trace), "steps": [_step(step) for step in trace.steps]}


def _step(step: Step) -> Document:
    return {
        "name": step.name,
        "offset": step.offset,
        "duration": step.duration,
        "input": _content(step.input),
        "output": _content(step.output),
        "error": step.error,
    }


def _content(content: Content | None) -> Document | None:
    if content is None:
        return None
    return {
        "text": content.text,
        "size": content.size,
        "truncated": content.truncated,
        "binary": content.binary,
    }


def _line(document: Document) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
