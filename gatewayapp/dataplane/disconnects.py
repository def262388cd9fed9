"""Delivers `$disconnect` once for each connection, with retries while its backend is unavailable and after a restart.

A connection's row stays in the database from the connection's end until its `$disconnect` was delivered or given up, so
neither a crash nor a drain loses one. A retry is the same event with the same request id. A limited number of events
waits in memory; the rows of the others are read again once there is room.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import count
from time import time

from django.db import Error as DatabaseError

from gatewayapp.core.errors import GatewayError
from gatewayapp.core.ids import ConnectionIds, Owner
from gatewayapp.core.messages import ConnectionInfo, Disconnect
from gatewayapp.core.outcomes import Outcome
from gatewayapp.core.snapshot import DISCONNECT as DISCONNECT_ROUTE
from gatewayapp.core.snapshot import Integration, StageSnapshot
from gatewayapp.core.traces import DISCONNECT
from gatewayapp.dataplane.connection_rows import ClosedRow, close_abandoned, closed_rows
from gatewayapp.dataplane.connections import Close
from gatewayapp.dataplane.database import DatabaseThread
from gatewayapp.dataplane.observation import Recorder
from gatewayapp.dataplane.pipeline import Pipeline
from gatewayapp.dataplane.registry import Registry, RegistryUnavailable
from gatewayapp.dataplane.stages import ConfigurationUnavailable, StageHandle, Stages
from gatewayapp.dataplane.work import Work

logger = logging.getLogger(__name__)

MAX_IN_FLIGHT = 200
"""Of one integration's events."""
MAX_DELAY_SECONDS = 30.0
FAILURES_TO_OPEN = 10
"""Failures in a row after which an integration's backend counts as unavailable."""
_PAGE = 1_000
_RELOAD_SECONDS = 1.0
_IDS_IN_A_LINE = 50


@dataclass(frozen=True, slots=True)
class RetryOptions:
    """How an undelivered `$disconnect` is retried."""

    delay: float = 1.0
    """Seconds until the first retry; the delay doubles with each retry, up to half a minute."""
    timeout: float = 300.0
    """Seconds after which Nopal gives up; 0: after the first attempt."""
    max_waiting: int = 20_000
    """Events in memory, about 1.5 KB each; the rows of further events are read later."""

    def pause(self, failures: int) -> float:
        """Seconds to wait after so many failures."""
        return min(MAX_DELAY_SECONDS, self.delay * 2.0 ** min(failures - 1, 32))


@dataclass(slots=True, eq=False)
class PendingDisconnect:
    """A `$disconnect` event on its way; `snapshot` is what was deployed when the connection ended."""

    info: ConnectionInfo
    event: Disconnect
    stage: StageHandle
    snapshot: StageSnapshot
    give_up_at: float
    """By the event loop's clock."""
    attempts: int = 0


class IntegrationQueue:
    """The events for one integration, behind a circuit breaker.

    After several failures in a row the circuit is open: one event at a time is tried, with growing pauses between
    them. A success closes it, and each further one lets one more event be under way, so that a backend that has just
    come back is not overrun.
    """

    def __init__(self, attempt: Callable[["IntegrationQueue", PendingDisconnect], None], options: RetryOptions) -> None:
        self._attempt = attempt
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._waiting: list[tuple[float, int, PendingDisconnect]] = []  # a heap, by when they are due
        self._arrivals = count()
        self._in_flight = 0
        self._limit = MAX_IN_FLIGHT
        self._failures = 0
        self._pauses = 0
        self._resume_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_empty(self) -> bool:
        return not (self._waiting or self._in_flight)

    def add(self, pending: PendingDisconnect, due: float) -> None:
        heappush(self._waiting, (due, next(self._arrivals), pending))

    def advance(self) -> None:
        """Start the events that are due and allowed to start; schedule the next call for the next due event."""
        self.stop()
        while self._waiting and self._in_flight < self._limit:
            due = max(self._waiting[0][0], self._resume_at)
            if due > self._loop.time():
                self._timer = self._loop.call_at(due, self.advance)
                return
            self._in_flight += 1
            self._attempt(self, heappop(self._waiting)[2])

    def succeeded(self) -> None:
        """An attempt reached the backend."""
        self._in_flight -= 1
        self._failures = self._pauses = 0
        self._resume_at = 0.0
        self._limit = min(MAX_IN_FLIGHT, self._limit + 1)

    def failed(self, started_at: float) -> Sequence[PendingDisconnect]:
        """An attempt that began at `started_at` did not reach the backend; returns the waiting events that expired."""
        self._in_flight -= 1
        self._failures += 1
        # What began before the pause says nothing about whether the backend is back after it.
        if not self._options.timeout or self._failures < FAILURES_TO_OPEN or started_at < self._resume_at:
            return ()
        self._limit = 1
        self._pauses += 1
        self._resume_at = self._loop.time() + self._options.pause(self._pauses)
        return self._take_expired()

    def stop(self) -> None:
        """Start nothing more until the next `advance`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _take_expired(self) -> Sequence[PendingDisconnect]:
        now = self._loop.time()
        expired = [entry[2] for entry in self._waiting if entry[2].give_up_at <= now]
        if expired:
            self._waiting = [entry for entry in self._waiting if entry[2].give_up_at > now]
            heapify(self._waiting)
        return expired


class Disconnects:
    """Delivers the `$disconnect` of one owner's connections."""

    def __init__(
        self,
        *,
        options: RetryOptions,
        owner: Owner,
        ids: ConnectionIds,
        database: DatabaseThread,
        registry: Registry,
        stages: Stages,
        pipeline: Pipeline,
        recorder: Recorder,
        work: Work,
    ) -> None:
        self._options = options
        self._owner = owner
        self._ids = ids
        self._database = database
        self._registry = registry
        self._stages = stages
        self._pipeline = pipeline
        self._recorder = recorder
        self._work = work
        self._retries = Work()  # which a drain does not wait for
        self._loop = asyncio.get_running_loop()
        self._pending: dict[str, PendingDisconnect] = {}
        self._queues: dict[Integration | None, IntegrationQueue] = {}
        self._has_more = False
        """Whether the database has rows of ended connections whose event is not in memory."""
        self._is_loading = False
        self._stopped = False

    async def report_abandoned(self) -> None:
        """Deliver the events that earlier runs left behind, also for connections open when they were killed."""
        await self._database.run(close_abandoned, self._owner, _now())
        self._has_more = True
        self._load_more()

    def report(self, info: ConnectionInfo, stage: StageHandle, close: Close) -> None:
        """Deliver the `$disconnect` of a connection that has just ended, then remove its row."""
        event = Disconnect(self._ids.disconnect_request_id(info.connection_id), _now(), *close)
        self._registry.close_row(info.connection_id, event)
        self._accept(info, event, stage, self._options.timeout)

    def stop(self) -> None:
        """Stop, and leave undelivered events to the next run."""
        self._stopped = True
        for queue in self._queues.values():
            queue.stop()
        self._retries.cancel()

    # on the way

    def _accept(self, info: ConnectionInfo, event: Disconnect, stage: StageHandle, patience: float) -> None:
        if len(self._pending) >= self._options.max_waiting:
            self._has_more = True
            return
        now, snapshot = self._loop.time(), stage.snapshot
        pending = PendingDisconnect(info, event, stage, snapshot, now + patience)
        self._pending[info.connection_id] = pending
        queue = self._queue(snapshot)
        queue.add(pending, now)
        queue.advance()

    def _queue(self, snapshot: StageSnapshot) -> IntegrationQueue:
        route = snapshot.api.routes.get(DISCONNECT_ROUTE)
        integration = None if route is None else route.integration
        queue = self._queues.get(integration)
        if queue is None:
            queue = self._queues[integration] = IntegrationQueue(self._start, self._options)
        return queue

    def _start(self, queue: IntegrationQueue, pending: PendingDisconnect) -> None:
        work = self._retries if pending.attempts else self._work
        pending.attempts += 1
        work.start(self._try(queue, pending))

    async def _try(self, queue: IntegrationQueue, pending: PendingDisconnect) -> None:
        """One attempt, and what follows from its outcome."""
        started_at = self._loop.time()
        try:
            outcome = await self._deliver(pending)
        except Exception as error:
            logger.exception("Unexpected failure on connection %s", pending.info.connection_id)
            outcome = Outcome(None, error=GatewayError(str(error)))
        if self._stopped:
            return
        if outcome.error is None or not outcome.error.is_retryable:
            queue.succeeded()
            self._end([pending], None if outcome.is_delivered else outcome.error_text)
        else:
            expired = [*queue.failed(started_at)]
            now = self._loop.time()
            if now < pending.give_up_at:
                pending.info.starts.clear()  # made for messages, of which no more come
                queue.add(pending, min(now + self._options.pause(pending.attempts), pending.give_up_at))
            else:
                expired.append(pending)
            self._end(expired, outcome.error_text)
        queue.advance()
        if queue.is_empty:
            self._queues = {key: each for key, each in self._queues.items() if each is not queue}
        self._load_more()

    async def _deliver(self, pending: PendingDisconnect) -> Outcome[None]:
        info, event, snapshot, meter = pending.info, pending.event, pending.snapshot, pending.stage.meter
        if pending.attempts > 1:
            meter.disconnect_retries += 1
        steps = self._recorder.begin(snapshot, info)
        outcome = await self._pipeline.close_connection(snapshot, info, event, steps)
        if outcome.route is not None:
            meter.handled(outcome, event)
            if steps is not None:
                attempt = f".{pending.attempts}" if pending.attempts > 1 else ""
                self._recorder.end(DISCONNECT, snapshot, info, steps, event.request_id + attempt, event, outcome)
        return outcome

    def _end(self, ended: Sequence[PendingDisconnect], failure: str | None) -> None:
        """Remove the rows of connections whose event was delivered, or given up for a failure."""
        for pending in ended:
            del self._pending[pending.info.connection_id]
            self._registry.remove(pending.info.connection_id)
            if failure is not None:
                pending.stage.meter.disconnect_failures += 1
        if failure is not None:
            for start in range(0, len(ended), _IDS_IN_A_LINE):
                some = ended[start : start + _IDS_IN_A_LINE]
                ids = ", ".join(f"{each.info.connection_id} (request id {each.event.request_id})" for each in some)
                where = f"{some[0].info.api_id}/{some[0].info.stage}"
                logger.error(
                    "%s: gave up delivering the $disconnect of %d connections: %s: %s", where, len(some), failure, ids
                )

    # rows in the database

    def _load_more(self) -> None:
        has_room = len(self._pending) <= self._options.max_waiting // 2
        if self._has_more and has_room and not self._is_loading and not self._stopped:
            self._is_loading = True
            self._retries.start(self._load())

    async def _load(self) -> None:
        try:
            await self._registry.flush()
            self._has_more = False
            self._has_more = await self._load_pages() or self._has_more
        except (DatabaseError, RegistryUnavailable, ConfigurationUnavailable) as error:
            logger.warning("Cannot read the ended connections from the database, trying again: %s", error)
            self._has_more = True
            await asyncio.sleep(_RELOAD_SECONDS)
        finally:
            self._is_loading = False
        self._load_more()

    async def _load_pages(self) -> bool:
        """Take over rows of ended connections; returns whether there are more than fit in memory."""
        after = ""
        while len(self._pending) < self._options.max_waiting:
            rows = await self._database.run(closed_rows, self._owner.slot, after, _PAGE)
            fresh = [row for row in rows if self._is_unknown(row.info.connection_id)]
            await self._take_over(fresh)
            if len(rows) < _PAGE:
                return False
            after = rows[-1].info.connection_id
        return True

    def _is_unknown(self, connection_id: str) -> bool:
        return connection_id not in self._pending and not self._registry.is_removing(connection_id)

    async def _take_over(self, rows: Sequence[ClosedRow]) -> None:
        if rows:
            logger.info("Delivering the $disconnect of %d connections that ended earlier", len(rows))
        for row in rows:
            stage = await self._stages.find(row.info.api_id, row.info.stage)
            connection_id = row.info.connection_id
            if stage is None:
                where = f"{row.info.api_id}/{row.info.stage}"
                logger.error(
                    "%s is no longer deployed: the $disconnect of connection %s is not delivered", where, connection_id
                )
                self._registry.remove(connection_id)
            else:
                request_id = row.request_id or self._ids.disconnect_request_id(connection_id)
                event = Disconnect(request_id, row.closed_at, row.code, row.reason)
                self._accept(row.info, event, stage, self._patience_with(row))

    def _patience_with(self, row: ClosedRow) -> float:
        """How long an event from the database may still be retried: like a new one if it is from an earlier run."""
        if row.owner != self._owner:
            return self._options.timeout
        return max(0.0, self._options.timeout - max(0.0, time() - row.closed_at / 1000))


def _now() -> int:
    return int(time() * 1000)
