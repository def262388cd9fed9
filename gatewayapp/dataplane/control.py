"""The gateway's connections for the rest of this process: `live.LiveConnections`.

Frames and closes are given to the event loop. Reads look at what is there from whatever thread asks: look-ups, copies
and plain values, which the loop only ever replaces.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from time import time
from typing import Any, Protocol, TypeVar

from gatewayapp.core.backend_use import BackendUse
from gatewayapp.core.destinations import Destination
from gatewayapp.core.messages import ConnectionInfo, Message
from gatewayapp.core.snapshot import StageSnapshot
from gatewayapp.core.traces import MESSAGE, Steps, kept, told
from gatewayapp.dataplane.connections import Connections, LiveConnection
from gatewayapp.dataplane.metering import Metering
from gatewayapp.dataplane.observation import Recorder
from gatewayapp.dataplane.pipeline import Pipeline
from gatewayapp.dataplane.selection import select
from gatewayapp.integrations import Integrations
from gatewayapp.live import ConnectionFilter, Delivery, HandshakeFacts, LiveState, MemoryUse, NoGateway, Tried

_AT_ONCE = 200
"""Connections served in one turn, so that a broadcast to many does not hold up everyone else."""

_PATIENCE = 10.0
"""Seconds; a turn takes milliseconds unless something is wrong."""

_LONGEST_CALL = 35.0
"""The same, for a turn that calls an integration: their longest timeout is 29 s."""

T = TypeVar("T")
Serve = Callable[[Sequence[str]], Coroutine[Any, Any, list[Delivery]]]


class Served(Protocol):
    """What a gateway has that is asked for here."""

    connections: Connections
    metering: Metering
    recorder: Recorder
    pipeline: Pipeline
    draining: bool

    def answer(
        self,
        connection: LiveConnection,
        message: Message,
        charge: int,
        steps: Steps | None = None,
        source: str = "client",
    ) -> Coroutine[Any, Any, None]: ...


class Control:
    """Belongs to the event loop that makes it."""

    def __init__(self, gateway: Served, integrations: Integrations) -> None:
        self._gateway = gateway
        self._connections = gateway.connections
        self._integrations = integrations
        self._loop = asyncio.get_running_loop()
        self.metrics = gateway.metering.metrics
        self.route_metrics = gateway.metering.route_metrics
        self.route_rates = gateway.metering.route_rates
        self.watch = gateway.recorder.watch
        self.lease = gateway.recorder.lease
        self.traces = gateway.recorder.traces
        self.trace = gateway.recorder.trace
        self.original = gateway.recorder.original

    @property
    def draining(self) -> bool:
        return self._gateway.draining

    def deliver(self, connection_ids: Sequence[str], frame: str | bytes) -> list[Delivery]:
        return self._in_turns(connection_ids, self._serve_frame(frame))

    async def adeliver(self, connection_ids: Sequence[str], frame: str | bytes) -> list[Delivery]:
        return await _in_turns_here(connection_ids, self._serve_frame(frame))

    def close(self, connection_ids: Sequence[str], code: int, reason: str) -> list[Delivery]:
        return self._in_turns(connection_ids, self._serve_close(code, reason))

    async def aclose(self, connection_ids: Sequence[str], code: int, reason: str) -> list[Delivery]:
        return await _in_turns_here(connection_ids, self._serve_close(code, reason))

    def state(self, connection_id: str) -> LiveState | None:
        connection = self._connections.find(connection_id)
        return None if connection is None else _state(connection)

    def states(self, connection_ids: Sequence[str]) -> Mapping[str, LiveState]:
        found = ((each, self.state(each)) for each in connection_ids)
        return {connection_id: state for connection_id, state in found if state is not None}

    def handshake(self, connection_id: str) -> HandshakeFacts | None:
        connection = self._connections.find(connection_id)
        return None if connection is None else connection.handshake

    def select(self, where: ConnectionFilter, api_ids: frozenset[str] | None) -> list[tuple[int, str]]:
        found = select(self._connections, where, api_ids)
        return [(connection.info.connected_at, connection.info.connection_id) for connection in found]

    def count(self) -> int:
        return len(self._connections)

    def memory(self) -> MemoryUse:
        budget = self._connections.memory
        return MemoryUse(budget.used, budget.limit, budget.count_paused(), budget.closed_count)

    def backends(self, api_ids: frozenset[str] | None) -> list[BackendUse]:
        return [use for use in self._integrations.backends() if api_ids is None or use.api_id in api_ids]

    def reach(self, destinations: Sequence[Destination]) -> list[str]:
        async def attempt() -> list[str]:
            return await self._integrations.reach(destinations)

        return self._run(attempt())

    def inject(self, connection_id: str, text: str) -> str | Delivery:
        async def turn() -> str | Delivery:
            return self._inject(connection_id, text)

        return self._run(turn())

    async def ainject(self, connection_id: str, text: str) -> str | Delivery:
        return self._inject(connection_id, text)

    def try_message(self, stage: StageSnapshot, text: str, connection: ConnectionInfo) -> Tried:
        return self._run(self.atry_message(stage, text, connection), _LONGEST_CALL)

    async def atry_message(self, stage: StageSnapshot, text: str, connection: ConnectionInfo) -> Tried:
        message, steps = Message(int(time() * 1000), text), Steps()
        outcome = await self._gateway.pipeline.answer_message(stage, connection, message, steps)
        trace = kept(
            MESSAGE,
            connection,
            steps,
            message.request_id,
            text,
            outcome,
            selection=stage.api.route_selection,
            source="test",
            secrets=stage.secrets,
        )
        error = None if outcome.error is None else stage.secrets.text(str(outcome.error))
        return Tried(told(trace, self._gateway.recorder.mask), outcome.status, outcome.answer, error)

    def _inject(self, connection_id: str, text: str) -> str | Delivery:
        connection = self._connections.find(connection_id)
        if connection is None:
            return Delivery.GONE
        limits = connection.stage.snapshot.limits
        if len(text.encode()) > limits.max_message:
            return Delivery.TOO_LARGE
        charge = connection.begin_message(text)
        if charge is None:
            return Delivery.BUSY
        if charge == 0:
            return Delivery.GONE
        message = Message(connection.last_active_at, text)
        self._connections.work.start(self._gateway.answer(connection, message, charge, Steps(), "replay"))
        return message.request_id

    def _serve_frame(self, frame: str | bytes) -> Serve:
        size = len(frame) if isinstance(frame, bytes) else len(frame.encode())

        async def serve(some: Sequence[str]) -> list[Delivery]:
            return [self._deliver(connection_id, frame, size) for connection_id in some]

        return serve

    def _serve_close(self, code: int, reason: str) -> Serve:
        async def serve(some: Sequence[str]) -> list[Delivery]:
            return [self._close(connection_id, code, reason) for connection_id in some]

        return serve

    def _deliver(self, connection_id: str, frame: str | bytes, size: int) -> Delivery:
        connection = self._connections.find(connection_id)
        if connection is not None and size > connection.stage.snapshot.limits.max_message:
            return Delivery.TOO_LARGE
        return self._connections.deliver(connection_id, frame, "operator")

    def _close(self, connection_id: str, code: int, reason: str) -> Delivery:
        connection = self._connections.find(connection_id)
        if connection is None:
            return Delivery.GONE
        connection.close((code, reason))
        return Delivery.ACCEPTED

    def _in_turns(self, connection_ids: Sequence[str], serve: Serve) -> list[Delivery]:
        return [delivery for some in _batches(connection_ids) for delivery in self._run(serve(some))]

    def _run(self, turn: Coroutine[Any, Any, T], patience: float = _PATIENCE) -> T:
        if asyncio._get_running_loop() is self._loop:
            turn.close()
            raise RuntimeError("This would wait for the event loop on the event loop: await its twin, as adeliver.")
        future = asyncio.run_coroutine_threadsafe(turn, self._loop)
        try:
            return future.result(patience)
        except TimeoutError as error:
            future.cancel()
            raise NoGateway(f"The gateway did not answer within {patience:.0f} s.") from error


async def _in_turns_here(connection_ids: Sequence[str], serve: Serve) -> list[Delivery]:
    deliveries: list[Delivery] = []
    for some in _batches(connection_ids):
        deliveries += await serve(some)
        await asyncio.sleep(0)
    return deliveries


def _batches(connection_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(connection_ids), _AT_ONCE):
        yield connection_ids[start : start + _AT_ONCE]


def _state(connection: LiveConnection) -> LiveState:
    now, lifetime = time(), connection.lifetime
    return LiveState(
        last_active_at=connection.last_active_at,
        idle_since=int((now - lifetime.idle_for) * 1000),
        messages_in=connection.messages_in,
        messages_out=connection.messages_out,
        bytes_in=connection.bytes_in,
        bytes_out=connection.bytes_out,
        in_flight=connection.in_flight,
        waiting=connection.waiting,
        slow=connection.slow,
        errors=connection.errors,
        last_route=connection.last_route,
        last_status=connection.last_status,
        last_status_at=connection.last_status_at,
        last_error=connection.last_error,
        idle_deadline=_moment(now, lifetime.idle_left),
        ends_at=_moment(now, lifetime.left),
        limits=connection.stage.snapshot.limits,
    )


def _moment(now: float, left: float | None) -> int | None:
    return None if left is None else int((now + left) * 1000)
