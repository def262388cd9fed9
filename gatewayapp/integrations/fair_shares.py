"""Fair shares of a limited number of calls, so that slow calls of one route do not block the calls of other routes.

One route can use at most a fixed fraction of what the others leave. A few calls of each route are always possible,
however many other routes hang. Further calls wait in a queue for their route, and the queues are served round-robin. A
client's calls start in order of arrival, also across routes: while one of them waits, later ones wait behind it.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gatewayapp.core.messages import Caller, IntegrationResponse
from gatewayapp.integrations.connection import Call
from gatewayapp.integrations.deadlines import Due


@dataclass(frozen=True, slots=True)
class ShareLimits:
    """How many calls may be made at once, by all routes and by one, and how many may wait, how long."""

    total: int = 200
    part: float = 0.8
    """The fraction of what other routes leave of `total` that one route may use, above 0 and at most 1."""
    reserved: int = 4
    """Calls that each route may always make, even if the sum then exceeds `total`."""
    queue_length: int = 10_000
    """Calls of one route that may wait."""
    queue_timeout: float = 5.0
    """Seconds that a call may wait."""


class Share:
    """One route's share of the calls, and its queue."""

    __slots__ = ("active", "caller", "logged_at", "queue", "refused", "refused_at", "waiting")

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.active = 0
        self.waiting = 0
        """Calls in the queue, and those that wait behind an earlier call of the same client."""
        self.queue: OrderedDict[QueuedCall, None] = OrderedDict()
        self.refused = 0
        self.refused_at = self.logged_at = float("-inf")
        """Of the monotonic clock."""


class QueuedCall(Call):
    """A call that may have to wait for its turn.

    `client` identifies the client whose calls keep their order; empty: none.
    """

    __slots__ = ("client", "due", "is_active", "share")

    def __init__(
        self, wire: bytes, is_head: bool, answer: "asyncio.Future[IntegrationResponse]", share: Share, client: str
    ) -> None:
        super().__init__(wire, is_head, answer)
        self.share = share
        self.client = client
        self.is_active = False
        """Whether it is one of its share's active calls; until then it waits."""
        self.due: Due | None = None
        """Where the deadline of its wait is kept."""


class FairShares:
    """Says which calls may be made now.

    A call for which `begin` is false may `wait`. Each call that has begun or waits must `leave` in the end.
    """

    def __init__(self, limits: ShareLimits) -> None:
        self._limits = limits
        self._shares: dict[Caller, Share] = {}
        self._active = 0
        self._turns: OrderedDict[Share, None] = OrderedDict()
        """The shares with a queue, in the order in which they are served next."""
        self._behind: dict[str, deque[QueuedCall]] = {}
        """By client with a call in a queue, its later calls."""

    def __iter__(self) -> Iterator[Share]:
        return iter(list(self._shares.values()))

    @property
    def is_empty(self) -> bool:
        return not self._shares

    def share_of(self, caller: Caller) -> Share:
        return self._shares.get(caller) or self._shares.setdefault(caller, Share(caller))

    def limit_of(self, share: Share) -> int:
        """How many calls of this share may be active at this moment; at least one."""
        limits = self._limits
        return max(1, limits.reserved, int((limits.total - self._active + share.active) * limits.part))

    def is_full(self, share: Share) -> bool:
        """Whether no more calls may wait."""
        return share.waiting >= self._limits.queue_length

    def begin(self, call: QueuedCall) -> bool:
        """Start the call if it may be made now. Returns whether it is active."""
        share = call.share
        if (self._turns and (share.queue or call.client in self._behind)) or not self._has_room(share):
            return False
        self._activate(call)
        return True

    def wait(self, call: QueuedCall) -> None:
        """Let the call wait: when it is its turn, `leave` of another call returns it."""
        call.share.waiting += 1
        if (behind := self._behind.get(call.client)) is not None:
            behind.append(call)
        else:
            self._enqueue(call)

    def leave(self, call: QueuedCall) -> Sequence[QueuedCall]:
        """End a call, active or waiting. Returns the calls whose turn it is now."""
        share = call.share
        if call.is_active:
            share.active -= 1
            self._active -= 1
        else:
            share.waiting -= 1
            if call in share.queue:
                self._dequeue(call)
        return self._next_calls() if self._turns else ()

    def waiting_calls(self) -> list[QueuedCall]:
        """All calls that wait, in no particular order."""
        behind = [call for calls in self._behind.values() for call in calls]
        return [*(call for share in self._turns for call in share.queue), *behind]

    def prune(self, refused_before: float) -> None:
        """Drop the shares that are not in use and have refused nothing since that time of the monotonic clock."""
        for share in self:
            if not share.active and not share.waiting and share.refused_at < refused_before:
                del self._shares[share.caller]

    def _has_room(self, share: Share) -> bool:
        # As `limit_of`, without the calls: this is asked for each call of a backend.
        limits, active, total = self._limits, share.active, self._active
        return active < limits.reserved or (
            total < limits.total and (not active or active + 1 <= (limits.total - total + active) * limits.part)
        )

    def _next_calls(self) -> list[QueuedCall]:
        calls: list[QueuedCall] = []
        while share := next((share for share in self._turns if self._has_room(share)), None):
            self._turns.move_to_end(share)
            call = next(iter(share.queue))
            if not call.answer.done():  # else it was given up, and is about to leave
                call.share.waiting -= 1
                self._activate(call)
                calls.append(call)
            self._dequeue(call)
        return calls

    def _activate(self, call: QueuedCall) -> None:
        call.is_active = True
        call.share.active += 1
        self._active += 1

    def _enqueue(self, call: QueuedCall) -> None:
        call.share.queue[call] = None
        self._turns[call.share] = None
        if call.client:
            self._behind[call.client] = deque()

    def _dequeue(self, call: QueuedCall) -> None:
        """Take a call out of its queue; the client's next call then joins the queue of its own route."""
        share = call.share
        del share.queue[call]
        if not share.queue:
            del self._turns[share]
        behind = self._behind.pop(call.client, None)
        while behind:
            following = behind.popleft()
            if not following.answer.done():
                self._enqueue(following)
                self._behind[call.client] = behind
                return
