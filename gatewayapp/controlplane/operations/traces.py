"""Reading the traces of the gateway that runs in this process, and doing traced messages again.

Reading them makes the gateway record what is read for another minute. Doing one again adds an entry to the audit log.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gatewayapp.controlplane.operations.audit_entries import add_entry
from gatewayapp.controlplane.operations.errors import BadRequest, NotFound, Unavailable
from gatewayapp.controlplane.operations.route_tests import run_route_test
from gatewayapp.core.dry_run import DryRun
from gatewayapp.core.traces import Trace
from gatewayapp.live import (
    Delivery,
    LiveConnections,
    NoGateway,
    Original,
    Subscription,
    TraceFilter,
    TracePage,
    live_connections,
)
from gatewayapp.models import Connection

_EXPORTED_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of a message that was done again: the id of its trace to come where it was taken."""

    result: Delivery
    trace_id: str | None


def get_traces(*, where: TraceFilter, before: int | None, size: int) -> TracePage:
    """A page of `size` traces without their steps, the newest first."""
    gateway = _gateway()
    page = _read(gateway, where, before, size)
    gateway.lease(where)
    return page


def get_trace(*, trace_id: str) -> Trace:
    """The trace with its steps. Raises NotFound."""
    trace = _gateway().trace(trace_id)
    if trace is None:
        raise no_such_trace(trace_id)
    return trace


def api_of_trace(*, trace_id: str) -> str:
    """The API that a trace belongs to, "" where there is no such trace."""
    try:
        trace = live_connections().trace(trace_id)
    except NoGateway:
        return ""
    return "" if trace is None else trace.api_id


def no_such_trace(trace_id: str) -> NotFound:
    return NotFound(f"There is no trace {trace_id}, or not any more.", resourceType="Trace")


def export_traces(*, where: TraceFilter, most: int) -> Iterator[Trace]:
    """The newest traces that match, with their steps, the newest first."""
    gateway, before = _gateway(), None
    while most > 0:
        page = _read(gateway, where, before, min(most, _EXPORTED_AT_ONCE), with_steps=True)
        yield from page.traces
        most, before = most - len(page.traces), page.next_before
        if before is None:
            return


def check_traces(*, where: TraceFilter) -> None:
    """Raises BadRequest where the filter is none, Unavailable where nobody records."""
    _read(_gateway(), where, None, 1)


def watch_traces(*, where: TraceFilter) -> Subscription:
    """Traces as they come; on the gateway's event loop only."""
    return _gateway().watch(where)


def replay(*, trace_id: str, text: str | None = None, connection_id: str | None = None) -> Replay:
    """Handle a traced message as if its client sent it again, or another text, or another client of the API."""
    original, text, connection_id = _meant(trace_id, text, connection_id)
    taken = _gateway().inject(connection_id, text)
    done = Replay(taken, None) if isinstance(taken, Delivery) else Replay(Delivery.ACCEPTED, taken)
    resource = f"/apis/{original.api_id}/stages/{original.stage}/connections/{connection_id}"
    told = {"traceId": trace_id, "bytes": len(text.encode()), "result": done.result.value}
    add_entry("ReplayMessage", resource, after=told)
    return done


def replay_dry(*, trace_id: str, text: str | None = None) -> DryRun:
    """What the message, or another text, would do on the stage now: nobody is called, nothing is sent."""
    original, text, _ = _meant(trace_id, text, None)
    return run_route_test(api_id=original.api_id, stage_name=original.stage, message=text).run


def _meant(trace_id: str, text: str | None, connection_id: str | None) -> tuple[Original, str, str]:
    """The original message, what is to be sent, and from which connection."""
    original = _gateway().original(trace_id)
    if original is None:
        raise BadRequest("Only messages of clients can be done again: this is the trace of something else.")
    text = original.text if text is None else text
    if text is None:
        raise BadRequest("The message was too long to be kept whole: give its text.")
    if connection_id is None:
        return original, text, original.connection_id
    if not Connection.open.filter(pk=connection_id, api_id=original.api_id).exists():
        raise NotFound(f"There is no connection {connection_id}.", resourceType="Connection")
    return original, text, connection_id


def _read(
    gateway: LiveConnections, where: TraceFilter, before: int | None, size: int, *, with_steps: bool = False
) -> TracePage:
    try:
        return gateway.traces(where, before, size, with_steps)
    except ValueError as error:
        raise BadRequest(f"Invalid path: {error}") from error


def _gateway() -> LiveConnections:
    try:
        return live_connections()
    except NoGateway as error:
        raise Unavailable(str(error)) from error
