"""Recording traces, for those who watch: bounded, and no work at all for events that nobody watches.

Belongs to the event loop; `traces`, `trace` and `lease` may be called from any thread.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from time import monotonic
from typing import Any

from gatewayapp.core.buckets import TokenBucket
from gatewayapp.core.expressions import Selection, compile_selection
from gatewayapp.core.ids import new_request_id
from gatewayapp.core.json_body import Body
from gatewayapp.core.masking import Mask
from gatewayapp.core.messages import ConnectionInfo, Disconnect, Handshake
from gatewayapp.core.outcomes import Outcome
from gatewayapp.core.snapshot import StageSnapshot
from gatewayapp.core.traces import CLOSE, MESSAGE, PUSH, Kept, Steps, Trace, kept, kept_frame, told
from gatewayapp.live import Batch, Delivery, Original, TraceFilter, TracePage

MOST_TRACES = 2_000
MOST_BYTES = 32 * 2**20
MOST_OF_A_CONNECTION = 300
MOST_A_SECOND = 500
"""In the long run, after as many at once as are kept: what is recorded faster is gone before anyone reads it."""
_LEASE_SECONDS = 60.0
_MOST_LEASES = 200
_QUEUE = 100
_MOST_TOLD_A_SECOND = 200
"""To one watch: faster than anyone reads."""
_COALESCE_SECONDS = 0.25
_HEARTBEAT_SECONDS = 15.0


class Recorder:
    """The traces of one process, the newest ones, and those who watch."""

    def __init__(self, mask: Mask) -> None:
        self.mask = mask
        self._traces: OrderedDict[str, Kept] = OrderedDict()
        self._of_connection: dict[str, deque[str]] = {}
        self._bytes = 0
        self._number = 0
        self._subscriptions: list[Watch] = []
        self._leases: dict[TraceFilter, float] = {}
        self._allowance = TokenBucket(MOST_A_SECOND, MOST_TRACES, monotonic())

    # while it happens

    def begin(self, stage: StageSnapshot, connection: ConnectionInfo) -> Steps | None:
        """Where the steps of an event go, None if nobody wants to know, or if too many are recorded already."""
        if not (stage.data_trace or ((self._subscriptions or self._leases) and self._is_watched(connection))):
            return None
        if self._allowance.take(monotonic()):
            return Steps()
        for watch in self._subscriptions:
            watch.miss(connection)
        return None

    def end(
        self,
        kind: str,
        stage: StageSnapshot,
        connection: ConnectionInfo,
        steps: Steps,
        trace_id: str,
        event: str | Handshake | Disconnect,
        outcome: Outcome[Any],
        delivery: Delivery | None = None,
        source: str = "client",
    ) -> None:
        """An event has gone its way."""
        selection = stage.api.route_selection if kind == MESSAGE else None
        delivered = None if delivery is None else delivery.value
        self._keep(kept(kind, connection, steps, trace_id, event, outcome, selection, delivered, source, stage.secrets))

    def pushed(
        self, stage: StageSnapshot, connection: ConnectionInfo, frame: str | bytes, delivery: Delivery, source: str
    ) -> None:
        """A frame went to a client without its asking."""
        if self.begin(stage, connection) is not None:
            trace_id = new_request_id()
            self._keep(
                kept_frame(
                    PUSH,
                    connection,
                    frame,
                    trace_id=trace_id,
                    inbound=False,
                    source=source,
                    delivery=delivery.value,
                    secrets=stage.secrets,
                )
            )

    def closed(self, stage: StageSnapshot, connection: ConnectionInfo, code: int, reason: str, by_client: bool) -> None:
        """A connection came to its end."""
        if self.begin(stage, connection) is not None:
            self._keep(
                kept_frame(
                    CLOSE,
                    connection,
                    f"{code} {reason}".strip(),
                    trace_id=new_request_id(),
                    inbound=by_client,
                    source="client" if by_client else "gateway",
                    status=str(code),
                    secrets=stage.secrets,
                )
            )

    def _is_watched(self, connection: ConnectionInfo) -> bool:
        for watch in self._subscriptions:
            if _covers(watch.where, connection):
                return True
        now = monotonic()
        for where, until in list(self._leases.items()):
            if until < now:
                self._leases.pop(where, None)
            elif _covers(where, connection):
                return True
        return False

    def _keep(self, trace: Kept) -> None:
        if trace.trace_id in self._traces:
            return
        self._number += 1
        trace.number = self._number
        self._traces[trace.trace_id] = trace
        self._bytes += trace.weight
        connection_id = trace.connection.connection_id
        if (timeline := self._of_connection.get(connection_id)) is None:
            timeline = self._of_connection[connection_id] = deque()
        timeline.append(trace.trace_id)
        if len(timeline) > MOST_OF_A_CONNECTION:
            self._forget(timeline[0])
        while len(self._traces) > MOST_TRACES or self._bytes > MOST_BYTES:
            self._forget(next(iter(self._traces)))
        for watch in self._subscriptions:
            watch.offer(trace)

    def _forget(self, trace_id: str) -> None:
        """Drop a trace that is its connection's oldest, as the oldest of all is too."""
        trace = self._traces.pop(trace_id)
        self._bytes -= trace.weight
        timeline = self._of_connection[trace.connection.connection_id]
        timeline.popleft()
        if not timeline:
            del self._of_connection[trace.connection.connection_id]

    # watching

    def watch(self, where: TraceFilter) -> "Watch":
        """Record what `where` covers, and hear of it, until the watch is closed. On the event loop only."""
        watch = Watch(self, where, self.mask)
        self._subscriptions.append(watch)
        return watch

    def close(self) -> None:
        """End every watch: the gateway goes away."""
        for watch in list(self._subscriptions):
            watch.close()

    def unwatch(self, watch: "Watch") -> None:
        if watch in self._subscriptions:
            self._subscriptions.remove(watch)

    def lease(self, where: TraceFilter) -> None:
        """Record what `where` covers for the next minute; whoever reads again and again renews it each time."""
        scope = TraceFilter(where.api_ids, where.api_id, where.stage, where.connection_id)
        if scope in self._leases or len(self._leases) < _MOST_LEASES:
            self._leases[scope] = monotonic() + _LEASE_SECONDS

    # reading

    def traces(self, where: TraceFilter, before: int | None, size: int, with_steps: bool = False) -> TracePage:
        """A page of those kept, the newest first. Raises ValueError where `path` is none."""
        found: list[Trace] = []
        for trace in self._newest_first(before):
            if not _matches(where, trace):
                continue
            shown = told(trace, self.mask, with_steps=with_steps)
            if not _tells(where, shown if with_steps or not _reads(where) else told(trace, self.mask)):
                continue
            if len(found) == size:
                return TracePage(found, found[-1].number)
            found.append(shown)
        return TracePage(found, None)

    def trace(self, trace_id: str) -> Trace | None:
        trace = self._traces.get(trace_id)
        return None if trace is None else told(trace, self.mask)

    def original(self, trace_id: str) -> Original | None:
        """What a message's client sent, as it was; None where there is no such message."""
        trace = self._traces.get(trace_id)
        if trace is None or trace.kind != MESSAGE:
            return None
        connection, text = trace.connection, trace.received if isinstance(trace.received, str) else None
        return Original(connection.api_id, connection.stage, connection.connection_id, text)

    def _newest_first(self, before: int | None) -> Iterator[Kept]:
        # A copy: threads read while the loop goes on.
        for trace in reversed(list(self._traces.values())):
            if before is None or trace.number < before:
                yield trace


class Watch:
    """A `live.Subscription`: what came since the reader last looked, at most so much of it."""

    def __init__(self, recorder: Recorder, where: TraceFilter, mask: Mask) -> None:
        self.where = where
        self._recorder = recorder
        self._mask = mask
        self._queue: deque[Kept] = deque(maxlen=_QUEUE)
        self._dropped = 0
        self._arrived = asyncio.Event()
        self._closed = False
        _selection(where)  # what is no path is refused before anything is watched

    def offer(self, trace: Kept) -> None:
        if not _matches(self.where, trace):
            return
        if len(self._queue) == _QUEUE:
            self._dropped += 1
        self._queue.append(trace)
        self._arrived.set()

    def miss(self, connection: ConnectionInfo) -> None:
        """Something happened on a connection that was not recorded."""
        if _covers(self.where, connection):
            self._dropped += 1
            self._arrived.set()

    async def __aiter__(self) -> AsyncIterator[Batch]:
        pause = _COALESCE_SECONDS
        try:
            while not self._closed:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_HEARTBEAT_SECONDS):
                        await self._arrived.wait()
                        await asyncio.sleep(pause)
                batch = self._take()
                pause = max(_COALESCE_SECONDS, len(batch.traces) / _MOST_TOLD_A_SECOND)
                yield batch
        finally:
            self.close()

    def close(self) -> None:
        self._closed = True
        self._arrived.set()
        self._recorder.unwatch(self)

    def _take(self) -> Batch:
        self._arrived.clear()
        waiting, self._queue = self._queue, deque(maxlen=_QUEUE)
        dropped, self._dropped = self._dropped, 0
        shown = [(trace, told(trace, self._mask, with_steps=False)) for trace in waiting]
        if _reads(self.where):
            shown = [(trace, short) for trace, short in shown if _tells(self.where, told(trace, self._mask))]
        return Batch([short for _, short in shown], dropped)


def _covers(where: TraceFilter, connection: ConnectionInfo) -> bool:
    """Whether what happens on a connection may be meant."""
    return (
        (where.api_ids is None or connection.api_id in where.api_ids)
        and where.api_id in ("", connection.api_id)
        and where.stage in ("", connection.stage)
        and where.connection_id in ("", connection.connection_id)
    )


def _matches(where: TraceFilter, trace: Kept) -> bool:
    """Whether a trace meets all conditions but those on what it says."""
    route_key = trace.route.route_key if trace.route else ""
    return (
        _covers(where, trace.connection)
        and where.kind in ("", trace.kind)
        and where.route_key in ("", route_key)
        and where.status in ("", trace.status)
        and where.has_errors in (None, trace.error is not None)
    )


def _reads(where: TraceFilter) -> bool:
    return bool(where.text or where.path)


def _tells(where: TraceFilter, trace: Trace) -> bool:
    """Whether a trace says what it must. It is asked as it is shown, so that no one can probe for what is masked."""
    contents = [content.text for content in (trace.received, trace.sent) if content is not None]
    if where.text and not any(where.text.lower() in text.lower() for text in contents):
        return False
    selection = _selection(where)
    if selection is None:
        return True
    return trace.received is not None and selection.evaluate(Body(trace.received.text)) == where.equals


def _selection(where: TraceFilter) -> Selection | None:
    """The path as a selection expression. Raises ValueError."""
    if not where.path:
        return None
    return compile_selection("$request.body" + (where.path if where.path.startswith("[") else f".{where.path}"))
