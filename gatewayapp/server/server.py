"""Listening, the one ticker behind all time-outs, and the way out: drain, close, finish, exit.

Daphne's Server keeps running the applications of plain HTTP requests; the rest of a connection's life is told in
`front`, `websocket`, `exchange` and `http`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import resource
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from email.utils import formatdate
from functools import partial
from typing import Any

from gatewayapp.server.reactor import loop, reactor  # isort:skip  (first: it installs the reactor)

import uvloop
from daphne import server as daphne_server
from twisted.internet.error import CannotListenError
from twisted.logger import globalLogBeginner

from gatewayapp.memory_budget import UNLIMITED, MemoryBudget
from gatewayapp.server import tls
from gatewayapp.server import transport as transports
from gatewayapp.server.bodies import BodyPolicy
from gatewayapp.server.exchange import AnswerNow
from gatewayapp.server.forwarded import Origin, origin
from gatewayapp.server.front import FrontFactory
from gatewayapp.server.handshake_gate import HandshakeGate
from gatewayapp.server.heads import Headers, Refusal
from gatewayapp.server.http import Request, RequestFactory
from gatewayapp.server.lifespan import Lifespan, StartupFailed
from gatewayapp.server.limits import ServerOptions
from gatewayapp.server.read_backlog import ReadBacklog
from gatewayapp.server.websocket import Connection, ConnectionFactory

logger = logging.getLogger(__name__)

TICK = 0.25  # seconds
RESUMED_WITHOUT_MEMORY = 8  # connections in each tick
SCARCITY_LOG_INTERVAL = 5.0
STARTUP_FAILED = 3  # exit codes
CANNOT_LISTEN = 1
MAX_DEFERRED_COLLECTION = 60.0  # seconds
COLLECTIONS_PER_OLDER = 10  # Python's default, for both older generations
YOUNG_OBJECTS = 10_000  # between two looks for cycles; a busy server holds more than Python's 700 at any moment

THREAD_TURN = 0.0005  # seconds; with Python's 5 ms, a thread that computes would hold the event loop up at each send

ThrottleResponse = Callable[[], tuple[bytes, Headers]]
"""An optional extension of an application beside ASGI: body and headers of the 429 for a refused handshake."""
Ready = Callable[[str, int], None]
OnSignal = Callable[[], None]
OnDrain = Callable[[], Awaitable[None]]


def run(
    application: Any,
    options: ServerOptions,
    *,
    ready: Ready | None = None,
    on_signal: OnSignal | None = None,
    on_drain: OnDrain | None = None,
) -> None:
    """Serve `application` until SIGTERM or SIGINT, drain, and return.

    `ready` is called with (host, port) once connections are accepted. `on_signal` is called when the server is told to
    stop; for `stop_delay` seconds it serves as before, so that load balancers can notice. A second signal ends the
    delay, another one the drain. `on_drain` is awaited then, while every connection is still open.

    Raises:
        SystemExit: 3 if the application fails to start, 1 if the address cannot be listened on.
    """
    server = Server(application, options, ready, on_signal, on_drain)
    server.run()
    if server.exit_code:
        raise SystemExit(server.exit_code)


def _spare_collections() -> None:
    """What is loaded by now stays loaded: no later garbage collection need look at it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, COLLECTIONS_PER_OLDER, COLLECTIONS_PER_OLDER)


def _throttle_response() -> tuple[bytes, Headers]:
    return b"Too many handshakes; try again later\n", [(b"content-type", b"text/plain; charset=utf-8")]


def _ignore(event: Any) -> None:
    """An observer for Twisted's own log; what matters is logged here."""


class Server(daphne_server.Server):
    """Daphne's server with our protocols; one per process, as Twisted's reactor."""

    def __init__(
        self,
        application: Any,
        options: ServerOptions,
        ready: Ready | None,
        on_signal: OnSignal | None,
        on_drain: OnDrain | None,
    ) -> None:
        super().__init__(application, endpoints=[f"{options.host}:{options.port}"], root_path=options.root_path)
        self.server_name = None  # Daphne's "Server" header
        self.options = options
        self.ready = ready
        self.on_signal = on_signal
        self.on_drain = on_drain
        self.answer_now: AnswerNow | None = getattr(application, "answer_now", None)
        self.memory: MemoryBudget = getattr(application, "memory", None) or MemoryBudget(UNLIMITED)
        self.read_backlog = ReadBacklog()
        self.handshake_gate = HandshakeGate(options.handshakes_per_second)
        self._throttle_response: ThrottleResponse = getattr(application, "throttle_response", _throttle_response)
        self.awaiting_memory: deque[Connection] = deque()
        self.body_policy: BodyPolicy | None = getattr(application, "body_policy", None)
        self.exit_code = 0
        self.connections: dict[Any, dict[str, Any]] = {}  # Daphne's: one per plain HTTP request
        self.websockets: set[Connection] = set()
        self.timed: set[Any] = set()  # whatever has a `tick(now)`
        self.tasks: set[asyncio.Task[None]] = set()
        self.http_factory = RequestFactory(self)
        self.ws_factory = ConnectionFactory(self)
        self.lifespan = Lifespan(application)
        self.port: Any = None
        self._draining: asyncio.Task[None] | None = None
        self._stop_delay_over: asyncio.Event | None = None  # while the port is still open after the first signal
        self._websockets_gone: asyncio.Future[None] | None = None
        self._stopping = False
        self._storm_began = 0.0
        self._descriptor_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._next_scarcity_log = 0.0

    # the way in

    def run(self) -> None:
        """Start, serve and drain; blocks."""
        observer: Any = _ignore
        globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)
        if not isinstance(loop, uvloop.Loop):
            logger.warning(
                "Not running on uvloop, so slower: import gatewayapp.server.reactor before anything imports "
                "daphne.server"
            )
        sys.setswitchinterval(THREAD_TURN)
        reactor.callWhenRunning(lambda: self.start_task(self._start()))
        reactor.run(installSignalHandlers=False)

    async def _start(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
        try:
            await self.lifespan.startup()
            context = tls.context(self.options)
            self.port = transports.listen(FrontFactory(self), self.options, context, self.memory)
        except StartupFailed as error:
            self._abandon(STARTUP_FAILED, f"The application failed to start: {error}")
        except (CannotListenError, OSError) as error:
            self._abandon(CANNOT_LISTEN, f"Cannot listen on {self.options.host}:{self.options.port}: {error}")
        else:
            _spare_collections()
            self._tick()
            address = self.port.getHost()
            if self.ready is not None:
                self.ready(address.host, address.port)

    def _abandon(self, exit_code: int, message: str) -> None:
        print(message, file=sys.stderr)  # noqa: T201 - whoever starts a server reads its terminal
        self.exit_code = exit_code
        self._stop()

    # while serving

    def start_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` to its end, whatever becomes of its connection; a drain waits for it."""
        task = loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def throttled_handshake(self, retry_after: int) -> Refusal:
        """The response to a handshake that the gate does not admit, as the application words it."""
        body, headers = self._throttle_response()
        return Refusal(429, headers=[(b"retry-after", b"%d" % retry_after), *headers], body=body)

    def forget(self, connection: Connection) -> None:
        """A WebSocket connection's TCP connection is gone."""
        self.timed.discard(connection)
        self.websockets.discard(connection)
        if not self.websockets and self._websockets_gone is not None and not self._websockets_gone.done():
            self._websockets_gone.set_result(None)

    def spare_descriptors(self, transport: Any) -> int:
        """Descriptors still free beside those kept for databases and backends; negative if `transport` took one.

        Descriptors are given out from the lowest free number, so a high number means that all below are in use.
        """
        number = transports.tcp_transport(transport).fileno()
        spare = self._descriptor_limit - self.options.reserved_descriptors - number - 1
        if spare < 0 and loop.time() >= self._next_scarcity_log:
            self._next_scarcity_log = loop.time() + SCARCITY_LOG_INTERVAL
            logger.error(
                "Refusing connections: %d of %d file descriptors are open. Raise the limit (ulimit -n).",
                number,
                self._descriptor_limit,
            )
        return spare

    def _tick(self) -> None:
        loop.call_later(TICK, self._tick)
        self.date_header = b"date: " + formatdate(usegmt=True).encode() + b"\r\n"
        now = loop.time()
        for connection in tuple(self.timed):
            try:
                connection.tick(now)
            except Exception:  # one connection's failure must not stop the clocks of all others
                logger.exception("Unexpected failure of a connection's timer")
                self.timed.discard(connection)
        self._read_despite_memory()
        self._defer_collections(now)

    def _defer_collections(self, now: float) -> None:
        """Let full garbage collections wait while handshakes storm in, for a bounded time.

        Thousands of new connections would make several necessary, each of which stops the loop for as long as it takes
        to look at all of them.
        """
        if not self.handshake_gate.is_under_pressure:
            self._storm_began = now
        is_deferred = self._storm_began < now <= self._storm_began + MAX_DEFERRED_COLLECTION
        gc.set_threshold(YOUNG_OBJECTS, COLLECTIONS_PER_OLDER, 10**6 if is_deferred else COLLECTIONS_PER_OLDER)

    def _read_despite_memory(self) -> None:
        """Resume connections that were paused because memory was short.

        A few go on even while it is spent, those that have waited longest: messages that are never completed would
        hold what they have for good.
        """
        paused = self.awaiting_memory
        for _ in range(min(len(paused), RESUMED_WITHOUT_MEMORY) if self.memory.is_spent else len(paused)):
            paused.popleft().read_despite_memory()

    # Daphne's: applications of plain HTTP requests

    def create_application(self, protocol: Request, scope: dict[str, Any]) -> asyncio.Queue[dict[str, Any]] | None:
        peer = Origin(tuple(scope["client"]), tuple(scope["server"]), scope["scheme"] == "https")
        seen = origin(peer, scope["headers"], self.options.trusted_proxies)
        scope["client"], scope["server"] = seen.client, seen.server
        scope["scheme"] = "https" if seen.secure else "http"
        scope["root_path"] = self.options.root_path  # Daphne believes a client's Daphne-Root-Path header
        queue = super().create_application(protocol, scope)
        if queue is not None:
            task = self.connections[protocol]["application_instance"]
            self.tasks.add(task)
            task.add_done_callback(partial(self._application_done, protocol))
        return queue

    async def handle_reply(self, protocol: Request, message: dict[str, Any]) -> None:
        await super().handle_reply(protocol, message)
        await protocol.flow.open()

    def protocol_disconnected(self, protocol: Request) -> None:
        super().protocol_disconnected(protocol)
        protocol.forget_body()
        if "application_instance" not in self.connections[protocol]:
            del self.connections[protocol]

    def _application_done(self, protocol: Request, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            logger.error("Exception in the ASGI application", exc_info=error)
        details = self.connections[protocol]
        del details["application_instance"]
        if "disconnected" in details:
            del self.connections[protocol]
        else:
            protocol.handle_exception(error)

    # the way out

    def _on_signal(self) -> None:
        if self._draining is None and self.port is not None:
            self._draining = loop.create_task(self._drain())
        elif self._stop_delay_over is not None:
            self._stop_delay_over.set()
        else:
            self._stop()

    def _stop(self) -> None:
        if not self._stopping:
            self._stopping = True
            reactor.stop()

    async def _drain(self) -> None:
        """Announce the stop, stop accepting, let the application finish, close the rest, finish its work, end."""
        if self.on_signal is not None:
            self.on_signal()
        await self._delay_stop()
        deadline = loop.time() + self.options.drain_timeout
        await self.port.stopListening().asFuture(loop)
        await self._call_on_drain()
        await self._close_websockets(deadline)
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=max(deadline - loop.time(), 0))
        if self.tasks:
            logger.warning("%d requests and connections were still being served at the exit", len(self.tasks))
        await self.lifespan.shutdown(max(deadline - loop.time(), 1.0))
        self._stop()

    async def _delay_stop(self) -> None:
        """Continue to serve for the stop delay or until the next signal."""
        if self.options.stop_delay:
            self._stop_delay_over = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop_delay_over.wait(), self.options.stop_delay)
            self._stop_delay_over = None

    async def _call_on_drain(self) -> None:
        if self.on_drain is None:
            return
        try:
            await asyncio.wait_for(self.on_drain(), self.options.drain_timeout)
        except TimeoutError:
            logger.error("The application did not drain within %.0f s", self.options.drain_timeout)
        except Exception:
            logger.exception("The application failed to drain")

    async def _close_websockets(self, deadline: float) -> None:
        """Close at the drain rate, or faster if the time would not suffice."""
        waiting = list(self.websockets)
        steps = max(int((deadline - loop.time()) / 2 / TICK), 1)
        batch = max(int(self.options.drain_rate * TICK), -(-len(waiting) // steps))
        for start in range(0, len(waiting), batch):
            if start:
                await asyncio.sleep(TICK)
            for connection in waiting[start : start + batch]:
                connection.close(self.options.shutdown_code, self.options.shutdown_reason)
        if self.websockets:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._last_websocket_gone(), max(deadline - loop.time(), 0))

    async def _last_websocket_gone(self) -> None:
        self._websockets_gone = loop.create_future()
        await self._websockets_gone
