"""The connections to one origin, lent to calls strictly in the order in which the calls came.

A connection that becomes free goes to the call that waits longest; a newcomer never overtakes a waiting call.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from gatewayapp.bursts import Burst
from gatewayapp.core.errors import BackendUnreachable
from gatewayapp.integrations.connection import Call, Connection
from gatewayapp.integrations.dialing import Refused

Dial = Callable[["Pool"], Awaitable[Connection]]

_FIRST_PAUSE = 0.02


class Pool:
    """At most `limit` connections, opened on demand by `dial`; what it raises is what a waiting call gets.

    Calls are sent in `burst`. `patience`: for so many seconds after the first refusal a connection is tried again.
    """

    def __init__(self, dial: Dial, limit: int, patience: float, burst: Burst) -> None:
        self._burst = burst
        self._dial = dial
        self._limit = limit
        self._patience = patience
        self._refused_since: float | None = None
        self._connections: set[Connection] = set()
        self._idle: list[Connection] = []
        self._waiting: OrderedDict[Call, None] = OrderedDict()
        self._opening: set[asyncio.Task[None]] = set()

    @property
    def is_empty(self) -> bool:
        return not (self._connections or self._opening or self._waiting)

    def submit(self, call: Call) -> None:
        """Start the call, or let it wait for its turn."""
        if self._idle:
            self._idle.pop().start(call, self._burst)
        else:
            self._waiting[call] = None
            self._open_more()

    def take_back(self, call: Call) -> None:
        """A call that was not sent, for its connection ended: it is the next one again, if anyone still waits."""
        if call.answer.done():
            return
        self.submit(call)
        if call in self._waiting:
            self._waiting.move_to_end(call, last=False)

    def abandon(self, call: Call) -> None:
        """The caller gave up: leave the queue, or cut the connection that carries the call."""
        self._waiting.pop(call, None)
        call.answer.cancel()
        if call.connection is not None:
            call.connection.abort()

    def release(self, connection: Connection) -> None:
        call = self._next_waiting() if self._waiting else None
        if call is None:
            self._rest(connection)
        else:
            connection.start(call, self._burst)

    def forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._open_more()

    def prune(self, idle_before: float) -> None:
        """Close what has been idle since before that moment of the monotonic clock."""
        for connection in [one for one in self._idle if one.idle_since < idle_before]:
            connection.abort()

    async def close(self) -> None:
        """Fail what waits, stop what opens, cut what is open."""
        self._limit = 0
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        connections = list(self._connections)
        for connection in connections:
            connection.abort()
        while call := self._next_waiting():
            call.answer.set_exception(BackendUnreachable("The gateway is stopping."))
        await asyncio.gather(*(connection.lost for connection in connections))

    def _next_waiting(self) -> Call | None:
        self._skip_over()
        return self._waiting.popitem(last=False)[0] if self._waiting else None

    def _skip_over(self) -> None:
        """Drop the calls at the head of the queue that ended while they waited; their callers may not know yet."""
        while self._waiting and next(iter(self._waiting)).answer.done():
            self._waiting.popitem(last=False)

    def _rest(self, connection: Connection) -> None:
        connection.idle_since = time.monotonic()
        self._idle.append(connection)

    def _open_more(self) -> None:
        self._skip_over()
        while len(self._opening) < len(self._waiting) and len(self._opening) + len(self._connections) < self._limit:
            task = asyncio.get_running_loop().create_task(self._open())
            self._opening.add(task)

    async def _open(self) -> None:
        """One attempt, for the call that waits longest when it ends: that call is started, or fails."""
        task = asyncio.current_task()
        assert task is not None
        try:
            connection = await self._dial_patiently()
        except Exception as error:
            if call := self._next_waiting():
                call.answer.set_exception(error)
        else:
            self._connections.add(connection)
            if call := self._next_waiting():
                connection.start(call, self._burst)
            else:
                self._rest(connection)
        finally:
            self._opening.discard(task)
            self._open_more()

    async def _dial_patiently(self) -> Connection:
        """Dial again while the backend refuses, since it may restart: no byte was sent that could come twice.

        The patience is that of all calls together: once it is spent, every refusal is told at once until a dial
        succeeds. So a backend that is down does not make calls queue.
        """
        pause = _FIRST_PAUSE
        while True:
            try:
                connection = await self._dial(self)
            except Refused:
                now = time.monotonic()
                if self._refused_since is None:
                    self._refused_since = now
                left = self._refused_since + self._patience - now
                if left <= 0:
                    raise
                await asyncio.sleep(min(pause, left))
                pause *= 2
            else:
                self._refused_since = None
                return connection
