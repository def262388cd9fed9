"""The gateway's connections for the threads of this process: `live.LiveConnections`, answered on the event loop."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

from gatewayapp.dataplane.connections import Connections, LiveConnection
from gatewayapp.live import Delivery, LiveState, NoGateway

_AT_ONCE = 200
"""Connections served in one turn, so that a broadcast to many does not hold up everyone else."""

_PATIENCE = 10.0
"""Seconds; a turn takes milliseconds unless something is wrong."""

Serve = Callable[[Sequence[str]], Coroutine[Any, Any, list[Delivery]]]


class Control:
    """Belongs to the event loop that makes it."""

    def __init__(self, connections: Connections, is_draining: Callable[[], bool]) -> None:
        self._connections = connections
        self._is_draining = is_draining
        self._loop = asyncio.get_running_loop()

    @property
    def draining(self) -> bool:
        return self._is_draining()

    def deliver(self, connection_ids: Sequence[str], frame: str | bytes) -> list[Delivery]:
        size = len(frame) if isinstance(frame, bytes) else len(frame.encode())

        async def serve(some: Sequence[str]) -> list[Delivery]:
            return [await self._deliver(connection_id, frame, size) for connection_id in some]

        return self._in_turns(connection_ids, serve)

    def close(self, connection_ids: Sequence[str], code: int, reason: str) -> list[Delivery]:
        async def serve(some: Sequence[str]) -> list[Delivery]:
            return [self._close(connection_id, code, reason) for connection_id in some]

        return self._in_turns(connection_ids, serve)

    def state(self, connection_id: str) -> LiveState | None:
        # Read from the caller's thread: a look-up and plain numbers, which the loop only ever replaces.
        connection = self._connections.find(connection_id)
        return None if connection is None else _state(connection)

    def count(self) -> int:
        return len(self._connections)

    async def _deliver(self, connection_id: str, frame: str | bytes, size: int) -> Delivery:
        connection = self._connections.find(connection_id)
        if connection is not None and size > connection.stage.snapshot.limits.max_message:
            return Delivery.TOO_LARGE
        return await self._connections.deliver(connection_id, frame)

    def _close(self, connection_id: str, code: int, reason: str) -> Delivery:
        connection = self._connections.find(connection_id)
        if connection is None:
            return Delivery.GONE
        connection.close((code, reason))
        return Delivery.ACCEPTED

    def _in_turns(self, connection_ids: Sequence[str], serve: Serve) -> list[Delivery]:
        return [delivery for some in _batches(connection_ids) for delivery in self._run(serve(some))]

    def _run(self, turn: Coroutine[Any, Any, list[Delivery]]) -> list[Delivery]:
        future = asyncio.run_coroutine_threadsafe(turn, self._loop)
        try:
            return future.result(_PATIENCE)
        except TimeoutError as error:
            future.cancel()
            raise NoGateway(f"The gateway did not answer within {_PATIENCE:.0f} s.") from error


def _batches(connection_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(connection_ids), _AT_ONCE):
        yield connection_ids[start : start + _AT_ONCE]


def _state(connection: LiveConnection) -> LiveState:
    return LiveState(
        last_active_at=connection.last_active_at,
        messages_in=connection.messages_in,
        messages_out=connection.messages_out,
        bytes_in=connection.bytes_in,
        bytes_out=connection.bytes_out,
        in_flight=connection.in_flight,
        waiting=connection.waiting,
    )
