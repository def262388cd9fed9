"""The one way out: every HTTP call of the gateway goes through `OutboundClient`, which bounds whatever may come back.

It follows no redirect, obeys no proxy variable, asks for no compression and undoes none, and repeats no call whose
bytes were sent. A call's deadline covers it all: its turn in the pool, look-up, connecting, sending and the answer.
"""

import asyncio
import socket
import time
from dataclasses import dataclass, field
from functools import cached_property, partial

from gatewayapp.bursts import Burst
from gatewayapp.core.addresses import Policy, authority
from gatewayapp.core.backend_use import BackendUse
from gatewayapp.core.errors import BackendUnreachable, ConfigurationFailure, IntegrationTimeout
from gatewayapp.core.messages import GATEWAY, Caller, HttpRequest, IntegrationResponse, Origin
from gatewayapp.integrations.connection import AnswerLimits, Call, Connection, Owner
from gatewayapp.integrations.deadlines import Deadlines
from gatewayapp.integrations.dialing import Dialer, Resolve
from gatewayapp.integrations.fair_shares import QueuedCall, ShareLimits
from gatewayapp.integrations.pool import Pool, WaitedTooLong
from gatewayapp.memory_budget import UNLIMITED, MemoryBudget

_Key = tuple[str, Origin, str | None]
"""The API, where the connections lead, and the name in the certificate."""


@dataclass(frozen=True, slots=True)
class OutboundOptions:
    """Where outbound calls may go and what they may cost; bytes and seconds."""

    policy: Policy = field(default_factory=Policy)
    ca_file: str = ""
    """Certificates (PEM) to trust besides the system's roots."""
    max_body: int = 6 * 2**20
    max_header_bytes: int = 64 * 1024
    """Of a request's head, and of an answer's."""
    max_headers: int = 200
    shares: ShareLimits = field(default_factory=ShareLimits)
    """How an API's routes share its connections to one origin."""
    idle_timeout: float = 60.0
    connect_timeout: float = 10.0
    refusal_patience: float = 0.8
    """How long a backend may refuse connections, as while it restarts, before calls are told of it."""
    memory: MemoryBudget = field(default_factory=lambda: MemoryBudget(UNLIMITED))
    """Counts the bytes of responses that are being read."""


class OutboundClient:
    """A pooled HTTP/1.1 client for one event loop; `resolve` replaces the system's resolver."""

    def __init__(self, options: OutboundOptions, resolve: Resolve | None = None) -> None:
        self._options = options
        self._limits = AnswerLimits(options.max_body, options.max_header_bytes, options.max_headers)
        self._dialer = Dialer(options.policy, options.ca_file, options.connect_timeout, resolve)
        self._deadlines = Deadlines(IntegrationTimeout)
        self._turns = Deadlines(WaitedTooLong)
        self._pools: dict[_Key, Pool] = {}
        self._pruning: asyncio.TimerHandle | None = None
        self._closed = False

    async def send(
        self, request: HttpRequest, caller: Caller = GATEWAY, connection_id: str = ""
    ) -> IntegrationResponse:
        """The backend's answer, whatever its status, to a request of `caller` on behalf of one client's connection.

        Requests for one connection to one origin are sent in the order of the calls. Raises IntegrationTimeout,
        BackendUnreachable, BadIntegrationResult, ConcurrencyLimitReached, or ConfigurationFailure for a request that
        cannot be sent as it is. Cancelling it cuts the connection to the backend.
        """
        head = request.head
        if len(head) > self._limits.header_bytes:
            raise ConfigurationFailure(f"The request's head is longer than {self._limits.header_bytes} bytes.")
        pool = self._pool((caller.api_id, request.origin, request.server_name))
        answer: asyncio.Future[IntegrationResponse] = self._loop.create_future()
        is_head = head.startswith(b"HEAD ")
        call = QueuedCall(head + request.body, is_head, answer, pool.share_of(caller), connection_id)
        timeout = request.timeout
        del request  # the call has what is to be sent
        pool.submit(call)
        due = self._deadlines.watch(answer, timeout)
        try:
            return await answer
        except WaitedTooLong:
            raise pool.refuse_late(call) from None
        except BaseException:
            pool.abandon(call)
            raise
        finally:
            due.discard(answer)
            pool.end(call)

    async def reach(self, origin: Origin, server_name: str | None = None) -> None:
        """Open a connection to the origin and close it: no request is sent. Raises BackendUnreachable."""
        connection = await self._open(origin, server_name, _Nobody())
        connection.abort()
        await connection.lost

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """Asked for once: CPython 3.11 makes a system call for each question."""
        return asyncio.get_running_loop()

    @cached_property
    def _burst(self) -> Burst:
        return Burst(self._loop)

    def backends(self) -> list[BackendUse]:
        """How busy the connections to each origin are, for each API; may be called from any thread."""
        return [pool.use() for pool in list(self._pools.values())]

    async def close(self) -> None:
        """Fail what is under way and close every connection."""
        self._closed = True
        if self._pruning is not None:
            self._pruning.cancel()
        pools = list(self._pools.values())
        self._pools.clear()
        await asyncio.gather(*(pool.close() for pool in pools))
        self._deadlines.close()
        self._turns.close()
        self._dialer.close()

    def _pool(self, key: _Key) -> Pool:
        return self._pools.get(key) or self._new_pool(key)

    def _new_pool(self, key: _Key) -> Pool:
        if self._closed:
            raise BackendUnreachable("The gateway is stopping.")
        options = self._options
        api_id, origin, server_name = key
        url = f"{origin.scheme}://{authority(origin)}"
        dial = partial(self._open, origin, server_name)
        pool = Pool(api_id, url, dial, options.shares, options.refusal_patience, self._burst, self._turns)
        self._pools[key] = pool
        if self._pruning is None:
            self._prune_later()
        return pool

    async def _open(self, origin: Origin, server_name: str | None, owner: Owner) -> Connection:
        def build(sock: socket.socket) -> Connection:
            return Connection(sock, origin.scheme == "https", owner, self._limits, self._options.memory)

        return await self._dialer.dial(origin, server_name, build)

    def _prune_later(self) -> None:
        self._pruning = self._loop.call_later(self._options.idle_timeout / 2, self._prune)

    def _prune(self) -> None:
        """Close what is idle for too long, drop what is empty; stops when nothing is left."""
        idle_before = time.monotonic() - self._options.idle_timeout
        for key, pool in list(self._pools.items()):
            pool.prune(idle_before)
            if pool.is_empty:
                del self._pools[key]
        self._pruning = None
        if self._pools:
            self._prune_later()


class _Nobody:
    """The owner of a connection that carries no call."""

    def release(self, connection: Connection) -> None:
        connection.abort()

    def take_back(self, call: Call) -> None:
        pass

    def forget(self, connection: Connection) -> None:
        pass
