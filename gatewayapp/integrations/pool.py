"""One API's connections to one origin, shared fairly by its routes (see `fair_shares`).

A call whose turn it is takes an idle connection, or waits for one that is opened or becomes free: strictly in the order
of their turns. A call that waits too long for its turn, or finds too many that wait, is refused.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from gatewayapp.bursts import Burst
from gatewayapp.core.backend_use import BackendUse, RouteUse
from gatewayapp.core.errors import BackendUnreachable, ConcurrencyLimitReached
from gatewayapp.integrations.connection import Call, Connection
from gatewayapp.integrations.deadlines import Deadlines
from gatewayapp.integrations.dialing import Refused
from gatewayapp.integrations.fair_shares import FairShares, QueuedCall, Share, ShareLimits

logger = logging.getLogger(__name__)

Dial = Callable[["Pool"], Awaitable[Connection]]

_FIRST_PAUSE = 0.02
_LOG_SECONDS = 10.0
"""How often a route's refused calls are logged."""
_REFUSALS_SECONDS = 3600.0
"""For how long the number of a route's refused calls is remembered after the last one."""


class WaitedTooLong(Exception):
    """A call's turn did not come in time."""


class Pool:
    """Connections to `url`, as many as `limits` allows, opened on demand by `dial`; what it raises is what a call gets.

    Calls are sent in `burst`; `turns` (they raise WaitedTooLong) bounds the wait for a turn. `patience`: for so many
    seconds after the first refusal a connection is tried again.
    """

    def __init__(
        self, api_id: str, url: str, dial: Dial, limits: ShareLimits, patience: float, burst: Burst, turns: Deadlines
    ) -> None:
        self._api_id = api_id
        self._url = url
        self._burst = burst
        self._dial = dial
        self._limits = limits
        self._shares = FairShares(limits)
        self.share_of = self._shares.share_of
        self._turns = turns
        self._patience = patience
        self._refused_since: float | None = None
        self._connections: set[Connection] = set()
        self._idle: list[Connection] = []
        self._waiting: OrderedDict[Call, None] = OrderedDict()
        """Calls whose turn it is, and that have no connection yet."""
        self._opening: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def is_empty(self) -> bool:
        return not (self._connections or self._opening or self._waiting) and self._shares.is_empty

    def submit(self, call: QueuedCall) -> None:
        """Start the call, or let it wait for its turn. Each call that is submitted must be ended by `end`.

        Raises ConcurrencyLimitReached where too many calls of the route wait.
        """
        if self._shares.begin(call):
            self._carry(call)
        elif self._shares.is_full(call.share):
            raise self._refuse(call.share, f"{call.share.waiting} more wait (NOPAL_OUTBOUND_QUEUE_LENGTH)")
        else:
            self._shares.wait(call)
            call.due = self._turns.watch(call.answer, self._limits.queue_timeout)

    def end(self, call: QueuedCall) -> None:
        """End a call that has a response or was abandoned, and start the calls whose turn it is now."""
        if call.due is not None:
            call.due.discard(call.answer)
        for next_call in self._shares.leave(call):
            if next_call.due is not None:
                next_call.due.discard(next_call.answer)
            self._carry(next_call)

    def take_back(self, call: Call) -> None:
        """A call that was not sent, for its connection ended: it is the next one again, if anyone still waits."""
        if call.answer.done():
            return
        self._carry(call)
        if call in self._waiting:
            self._waiting.move_to_end(call, last=False)

    def abandon(self, call: Call) -> None:
        """The caller gave up: leave the queue, or cut the connection that carries the call."""
        self._waiting.pop(call, None)
        call.answer.cancel()
        if call.connection is not None:
            call.connection.abort()

    def refuse_late(self, call: QueuedCall) -> ConcurrencyLimitReached:
        """The error for the caller of a call that waited too long for its turn."""
        seconds = f"{self._limits.queue_timeout:g} s"
        return self._refuse(call.share, f"this one has waited for {seconds} (NOPAL_OUTBOUND_QUEUE_TIMEOUT)")

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

    def use(self) -> BackendUse:
        """How busy the connections are; may be called from any thread."""
        shares = self._shares
        routes = [
            RouteUse(share.caller, share.active, shares.limit_of(share), share.waiting, share.refused)
            for share in shares
        ]
        return BackendUse(self._api_id, self._url, len(self._connections), self._limits.total, tuple(routes))

    def prune(self, idle_before: float) -> None:
        """Close what has been idle since before that moment of the monotonic clock."""
        self._shares.prune(time.monotonic() - _REFUSALS_SECONDS)
        for connection in [one for one in self._idle if one.idle_since < idle_before]:
            connection.abort()

    async def close(self) -> None:
        """Fail what waits, stop what opens, cut what is open."""
        self._is_closed = True
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        connections = list(self._connections)
        for connection in connections:
            connection.abort()
        for call in [*self._waiting, *self._shares.waiting_calls()]:
            if not call.answer.done():
                call.answer.set_exception(BackendUnreachable("The gateway is stopping."))
        await asyncio.gather(*(connection.lost for connection in connections))

    def _carry(self, call: Call) -> None:
        """Assign a connection to the call, whose turn it is, as soon as there is one."""
        if self._idle:
            self._idle.pop().start(call, self._burst)
        else:
            self._waiting[call] = None
            self._open_more()

    def _refuse(self, share: Share, reason: str) -> ConcurrencyLimitReached:
        api_id, stage, route_key = share.caller
        error = ConcurrencyLimitReached(
            f"The concurrency limit of the integration is reached: {share.active} calls of route {route_key} "
            f"(API {api_id}, stage {stage}) to {self._url} are under way, and {reason}. "
            f"Find out why the backend is slow, or raise NOPAL_OUTBOUND_CONNECTIONS ({self._limits.total})."
        )
        share.refused += 1
        share.refused_at = now = time.monotonic()
        if now - share.logged_at > _LOG_SECONDS:
            share.logged_at = now
            logger.warning("%s Refused calls so far: %d.", error, share.refused)
        return error

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
        while len(self._opening) < len(self._waiting) and not self._is_closed:
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
