"""The page of traffic: which traces it shows, as rows and as waterfalls, and the socket that tells of new ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django import forms
from django.http import QueryDict

from dashboard.live import LiveConsumer
from dashboard.texts import milliseconds, spelled
from gatewayapp.controlplane.api.v1.permissions import on_some
from gatewayapp.controlplane.operations.errors import OperationError
from gatewayapp.controlplane.operations.traces import check_traces, get_traces, watch_traces
from gatewayapp.core.roles import Access, Permission
from gatewayapp.core.traces import CLOSE, CONNECT, DISCONNECT, KINDS, MESSAGE, PUSH, Content, Step, Trace
from gatewayapp.live import TraceFilter
from gatewayapp.models import Api

MOST_ROWS = 500
"""Rows that a page keeps while it is open; older ones are dropped, which it says."""
_WORDS = {CONNECT: "$connect", MESSAGE: "message", DISCONNECT: "$disconnect", PUSH: "push", CLOSE: "close"}
_STEPS = {
    "received": "Received",
    "selected": "Route selected",
    "validated": "Validated",
    "mapped": "Request mapped",
    "integrated": "Integration called",
    "response-mapped": "Response mapped",
    "sent": "Frame sent",
}
_NARROWEST = 0.6
"""Percent of the waterfall's width that even the shortest step takes, to be seen at all."""


class TrafficForm(forms.Form):
    """The filters, all in the address."""

    api = forms.ChoiceField(label="API", required=False)
    stage = forms.CharField(required=False, max_length=128)
    route = forms.CharField(required=False, max_length=128)
    connection = forms.CharField(label="Connection id", required=False, max_length=43)
    kind = forms.ChoiceField(
        required=False, choices=[("", "Everything"), *((kind, _WORDS[kind].capitalize()) for kind in KINDS)]
    )
    status = forms.CharField(required=False, max_length=64)
    text = forms.CharField(label="Text contains", required=False, max_length=256)
    path = forms.CharField(label="JSON path", required=False, max_length=256)
    equals = forms.CharField(label="equals", required=False, max_length=256)
    failed = forms.BooleanField(label="Only with errors", required=False)

    def __init__(self, query: QueryDict, access: Access) -> None:
        super().__init__(query)
        self._api_ids = access.apis_with(Permission.READ_CONNECTIONS)
        apis = Api.objects.order_by("name", "pk")
        if self._api_ids is not None:
            apis = apis.filter(pk__in=self._api_ids)
        self.names = dict(apis.values_list("pk", "name"))
        choices = [(api_id, f"{name} ({api_id})") for api_id, name in self.names.items()]
        self.fields["api"].choices = [("", "All APIs"), *choices]  # type: ignore[attr-defined]
        for name, hint in (("stage", "Any"), ("route", "Any, such as send"), ("status", "Any, such as 200")):
            self.fields[name].widget.attrs["placeholder"] = hint
        self.fields["path"].widget.attrs["placeholder"] = "message.room"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if bool(cleaned.get("path")) and not cleaned.get("equals"):
            self.add_error("equals", "Say what must stand at the path.")
        return cleaned

    def meant(self) -> TraceFilter:
        """The traces that a valid form means, of those that this person may see."""
        given = self.cleaned_data
        return TraceFilter(
            api_ids=self._api_ids,
            api_id=given["api"],
            stage=given["stage"],
            connection_id=given["connection"],
            route_key=given["route"],
            kind=given["kind"],
            status=given["status"],
            has_errors=True if given["failed"] else None,
            text=given["text"],
            path=given["path"],
            equals=given["equals"] if given["path"] else "",
        )

    @property
    def more(self) -> bool:
        """Whether one of the less usual filters is in use."""
        return any(self[name].value() for name in ("status", "text", "path", "equals", "connection"))


@dataclass(frozen=True, slots=True)
class Bar:
    """A step of a trace in its waterfall: where it begins and how wide it is, in percent."""

    step: Step
    title: str
    start: float
    width: float


def row_of(trace: Trace, names: dict[str, str]) -> dict[str, Any]:
    """A trace as a line, for the template and for the page's script alike: every value as it is shown."""
    shown = trace.received if trace.inbound else trace.sent
    return {
        "id": trace.trace_id,
        "at": trace.started_at,
        "direction": "in" if trace.inbound else "out",
        "kind": _WORDS[trace.kind],
        "api": spelled(names.get(trace.api_id, trace.api_id)),
        "stage": trace.stage,
        "connection": trace.connection_id,
        "route": spelled(trace.route_key or ""),
        "status": spelled(trace.status or trace.delivery or ""),
        "tone": _tone(trace),
        "duration": milliseconds(trace.duration),
        "preview": spelled(_preview(shown)),
        "error": spelled(trace.error or ""),
    }


def waterfall(trace: Trace) -> Sequence[Bar]:
    total = max(trace.duration, *(step.offset + step.duration for step in trace.steps), 0.001)
    return [
        Bar(
            step,
            _STEPS.get(step.name, step.name),
            min(100 * step.offset / total, 100 - _NARROWEST),
            max(100 * step.duration / total, _NARROWEST),
        )
        for step in trace.steps
    ]


def _tone(trace: Trace) -> str:
    if trace.error is not None:
        return "bad"
    if trace.status is None:
        return "good" if trace.delivery == "accepted" else "quiet"
    return "good" if trace.status.startswith(("2", "1")) else "wait"


def _preview(content: Content | None) -> str:
    return "" if content is None else " ".join(content.text[:200].split())


class TrafficConsumer(LiveConsumer):
    """Tells of traces as they come: `{"rows": […], "dropped": how many were left out}`, at most four times a second.

    The page says with `after` which trace is its newest, so that it gets those too that came before this socket.
    """

    need = on_some(Permission.READ_CONNECTIONS)

    async def watch(self) -> None:
        form = await self._form()
        if form is None:
            return
        where, last = form.meant(), self._after()
        watch = watch_traces(where=where)
        try:
            known = await sync_to_async(get_traces)(where=where, before=None, size=MOST_ROWS)
            last = await self._tell_rows(form, known.traces[::-1], 0, last)
            async for batch in watch:
                last = await self._tell_rows(form, batch.traces, batch.dropped, last)
        finally:
            watch.close()

    async def _tell_rows(self, form: TrafficForm, traces: Sequence[Trace], dropped: int, last: int) -> int:
        """Tell of the traces with a number above `last`; the highest number by now."""
        new = [trace for trace in traces if trace.number > last]
        if new or dropped:
            await self.tell({"rows": [row_of(trace, form.names) for trace in new], "dropped": dropped})
        return max([last, *(trace.number for trace in new)])

    def _after(self) -> int:
        after = self.query.get("after", [""])[0]
        return int(after) if after.isascii() and after.isdigit() else 0

    async def _form(self) -> TrafficForm | None:
        """The filters of the page; None where they are not valid, which the page has said."""
        return await sync_to_async(self._checked_form)()

    def _checked_form(self) -> TrafficForm | None:
        form = TrafficForm(QueryDict(self.scope["query_string"]), self.access)
        if not form.is_valid():
            return None
        try:
            check_traces(where=form.meant())
        except OperationError:
            return None
        return form
