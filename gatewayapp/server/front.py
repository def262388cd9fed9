"""The first reader of every connection: checks a request's head, then chooses who serves the request.

A WebSocket handshake goes to our WebSocket protocol, a direct path to the application at once, anything else to
Daphne's HTTP protocol, which gives the connection back after its answer.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from gatewayapp.server.reactor import loop  # isort:skip  (first: it installs the reactor)

from twisted.internet.protocol import Factory, Protocol

from gatewayapp.server import answers
from gatewayapp.server import transport as transports
from gatewayapp.server.bodies import SMALL_INPUT, BodyPolicy, BodyTooLarge, body_reader, is_declared_within, no_memory
from gatewayapp.server.exchange import AnswerNow, Exchange, whole_answer
from gatewayapp.server.forwarded import Origin, origin
from gatewayapp.server.heads import (
    Refusal,
    RequestHead,
    check_handshake,
    parse_head,
    parse_target,
    refuse_unfinished,
    split_target,
    wants_websocket,
)

if TYPE_CHECKING:
    from gatewayapp.server.server import Server

logger = logging.getLogger(__name__)

MAX_PIPELINED_BYTES = 64 * 1024
END_OF_HEAD = b"\r\n\r\n"
ASGI_VERSIONS = {"version": "3.0", "spec_version": "2.4"}


class FrontFactory(Factory):
    """Makes a Front for each accepted connection."""

    noisy = False

    def __init__(self, server: Server) -> None:
        self.server = server

    def buildProtocol(self, addr: object) -> Front:
        return Front(self.server)


class Front(Protocol):
    """A connection between requests, and during those answered directly."""

    transport: Any

    def __init__(self, server: Server, data: bytes = b"") -> None:
        """`data`: bytes of a kept-alive connection that were read already."""
        self.server = server
        self.options = server.options
        self._data = data
        self._counted = 0  # bytes of unread input that the server's memory counter knows of
        self._deadline: float | None = None
        self._fresh = True  # nothing was answered yet
        self._is_surplus = False  # its descriptor is one of those kept for databases and backends
        self._peer: Origin | None = None
        self._exchange: Exchange | None = None
        self._awaits_turn = False  # a handshake that the gate has not admitted yet
        self._asking = False  # the application decides how large the body may be
        self._lingering = 0  # bytes we will still read and discard before we drop the peer; 0: not lingering
        self._writable: asyncio.Future[None] | None = None
        self._stalled = 0.0  # since when the peer has taken nothing, if it is not writable

    # Twisted's events

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        spare = self.server.spare_descriptors(self.transport)
        self._is_surplus = spare < 0
        if spare < -self.options.reserved_descriptors // 2:
            self.transport.abortConnection()
        self._start(self.options.linger_timeout if self._is_surplus else self.options.header_timeout)

    def resume(self, transport: Any) -> None:
        """Take a kept-alive connection back from Daphne's HTTP protocol."""
        self.transport = transport
        self._fresh = False
        self._start(self._patience())
        transport.resumeProducing()
        self._read_head()

    def refuse_on(self, transport: Any, refusal: Refusal) -> None:
        """Take over a connection whose request Daphne's HTTP protocol could not read to its end."""
        self.transport = transport
        self._start(self.options.linger_timeout)
        self.refuse(refusal)

    def dataReceived(self, data: bytes) -> None:
        if self._lingering:
            self._discard(len(data))
        elif self._exchange is not None:
            self._feed(data)
        elif self._asking:
            self._data += data
        else:
            if not self._data and not self._fresh:
                self._deadline = loop.time() + self.options.header_timeout
            self._data += data
            self._read_head()
        if self._data or self._exchange is not None or self._counted:
            self._count_input()
            is_reading_head = not (self._exchange is not None or self._awaits_turn or self._asking)
            if self._counted > SMALL_INPUT and is_reading_head and self.server.memory.is_exhausted:
                self.refuse(no_memory())

    def connectionLost(self, reason: Any = None) -> None:
        self.server.timed.discard(self)
        self._awaits_turn = False
        self._asking = False
        if self._exchange is not None:
            self._exchange.lose()
            self._exchange = None
        self._uncount_input()
        self.resumeProducing()

    def pauseProducing(self) -> None:
        if self._writable is None:
            self._writable = loop.create_future()
            self._stalled = loop.time()

    def resumeProducing(self) -> None:
        waiter, self._writable = self._writable, None
        if waiter is not None:
            waiter.set_result(None)

    stopProducing = resumeProducing

    # what an exchange calls

    async def writable(self) -> None:
        """Wait while the peer is slow to read."""
        while self._writable is not None:
            await asyncio.shield(self._writable)

    def read_on(self) -> None:
        """The application has taken the waiting part of the body, so the timeout for the rest starts again."""
        self._deadline = loop.time() + self.options.body_timeout
        self.transport.resumeProducing()

    def answered(self, *, keep_alive: bool) -> None:
        """The exchange is complete: read the next request, or end."""
        self._exchange = None
        if not keep_alive:
            self._close()
            return
        if self._counted:
            self._count_input()
        self._deadline = loop.time() + self._patience()
        self._fresh = False
        if len(self._data) > MAX_PIPELINED_BYTES:
            self.transport.pauseProducing()
        else:
            self.transport.resumeProducing()
        if self._data:
            loop.call_soon(self._read_head)

    def refuse(self, refusal: Refusal) -> None:
        """Answer with an error and end the connection so that the answer arrives."""
        if self._exchange is not None:
            self._exchange.lose()
            self._exchange = None
        self.transport.write(answers.refusal(refusal))
        self._close()

    def tick(self, now: float) -> None:
        """Called every so often: enforces the deadlines."""
        if self._writable is not None and now - self._stalled >= self.options.body_timeout:
            self.transport.abortConnection()
        if self._deadline is None or now < self._deadline:
            return
        if self._lingering:
            self._end_lingering(now)
        elif self._exchange is not None:
            if self._exchange.awaits_body:
                self.refuse(Refusal(408, "The request's body did not arrive in time"))
        elif self._data or self._fresh:
            self.refuse(Refusal(408, "The request did not arrive in time"))
        else:
            self.transport.loseConnection()

    # reading

    def _start(self, timeout: float) -> None:
        self._deadline = loop.time() + timeout
        self.server.timed.add(self)
        self.transport.registerProducer(self, True)

    def _patience(self) -> float:
        """Seconds a kept-alive connection has for its next request, or for the rest of one that began."""
        return self.options.header_timeout if self._data else self.options.idle_timeout

    def _read_head(self) -> None:
        """Serve the next request if its head is complete."""
        if self._exchange is not None or self._awaits_turn or self._asking or self._lingering:
            return
        if len(self._data) > MAX_PIPELINED_BYTES:  # paused when the request before it was answered
            self.transport.resumeProducing()
        data = self._data.lstrip(b"\r\n") if self._data.startswith(b"\r\n") else self._data
        end = data.find(END_OF_HEAD)
        try:
            if end < 0 or end > self.options.max_header_bytes:
                refuse_unfinished(data, self.options)
                self._data = data
                return
            self._serve(data, end + len(END_OF_HEAD))
        except Refusal as refusal:
            self.refuse(refusal)

    def _serve(self, data: bytes, end: int) -> None:
        if self._is_surplus:
            raise Refusal(503, "The server is at its limit of connections; try again later")
        head = parse_head(data[:end], self.options)
        if wants_websocket(head):
            self._enter_gate(head, data[end:])
        elif self._is_direct(head.target):
            self._data = b""
            self._answer_directly(head, data[end:])
        else:
            self._answer_by_daphne(head, data)

    def _is_direct(self, target: bytes) -> bool:
        path = target.partition(b"?")[0]
        for part in self.options.direct_paths:  # noqa: SIM110 - twice as fast as any(), and asked for each request
            if part in path:
                return True
        return False

    def _answer_directly(self, head: RequestHead, rest: bytes) -> None:
        if self.server.answer_now is not None and self._answer_now(self.server.answer_now, head, rest):
            return
        scope = self._http_scope(head)
        try:
            self._exchange = exchange = Exchange(self, head)
        except BodyTooLarge as error:
            raise self._refuse_body(head, error.limit) from error
        self._feed(rest)
        if self._exchange is exchange:
            self.server.start_task(exchange.run(self.server.application, scope))

    def _answer_now(self, ask: AnswerNow, head: RequestHead, data: bytes) -> bool:
        """Answer a request that is here as a whole without an exchange; False if it takes one."""
        size = int(head.fields.get(b"content-length") or 0)
        if size > len(data) or size > self.options.max_body or b"transfer-encoding" in head.fields:
            return False
        if self._writable is not None:
            return False
        target = split_target(head.target)
        try:
            answered = ask(head.method, *target, head.headers, data[:size])
        except Exception as error:
            logger.exception("Exception in the application's answer_now on %s %r", head.method, head.target)
            raise Refusal(500, "Internal server error") from error
        if answered is None:
            return False
        whole, keep_alive = whole_answer(head, *answered, self.server.date_header)
        self._data = data[size:]
        self.transport.write(whole)
        self.answered(keep_alive=keep_alive)
        return True

    def _answer_by_daphne(self, head: RequestHead, data: bytes) -> None:
        """Leave a request to Daphne; if its body may be too large, ask the application first."""
        limit, policy = self.options.max_upload, self.server.body_policy
        if policy is None or is_declared_within(head, limit):
            body_reader(head, limit)  # refuses what Daphne could not read
            self._leave_to_daphne(head, data, limit)
            return
        scope = self._http_scope(head)
        self._asking = True
        self._data = data
        self._deadline = None
        self.transport.pauseProducing()
        self.server.start_task(self._ask_for_limit(policy, head, scope))

    async def _ask_for_limit(self, policy: BodyPolicy, head: RequestHead, scope: dict[str, Any]) -> None:
        """Read no more of the request until the application has said how much its body may have."""
        refusal: Refusal | None = None
        limit = self.options.max_upload
        try:
            limit = await policy.find_limit(scope)
            try:
                body_reader(head, limit)
            except BodyTooLarge:
                refusal = policy.refuse(scope, limit)
        except Refusal as error:
            refusal = error
        except Exception:
            logger.exception("Exception in the application's body policy on %s %s", head.method, scope["path"])
            refusal = Refusal(500, "Internal server error")
        if not self._asking:  # the client is gone
            return
        self._asking = False
        if refusal is not None:
            self.refuse(refusal)
        else:
            self.transport.resumeProducing()
            self._leave_to_daphne(head, self._data, limit)

    def _feed(self, data: bytes) -> None:
        assert self._exchange is not None
        try:
            self._data += self._exchange.feed(data)
        except BodyTooLarge as error:
            self.refuse(self._refuse_body(self._exchange.head, error.limit))
            return
        except Refusal as refusal:
            self.refuse(refusal)
            return
        awaits_body = self._exchange.awaits_body
        self._deadline = loop.time() + self.options.body_timeout if awaits_body else None
        if len(self._data) > MAX_PIPELINED_BYTES:
            self.transport.pauseProducing()

    def _enter_gate(self, head: RequestHead, rest: bytes) -> None:
        """Open a WebSocket when it is this handshake's turn."""
        key = check_handshake(head)
        self._awaits_turn = True
        self._deadline = None  # the queue is short
        retry_after = self.server.handshake_gate.enter(partial(self._take_turn, head, key, rest))
        if retry_after:
            self._awaits_turn = False
            raise self.server.throttled_handshake(retry_after)
        if self._awaits_turn:
            self.transport.pauseProducing()

    def _take_turn(self, head: RequestHead, key: bytes, rest: bytes) -> None:
        if not self._awaits_turn:  # the peer has left
            return
        self._awaits_turn = False
        try:
            self._open_websocket(head, key, rest)
        except Refusal as refusal:
            self.refuse(refusal)
        except Exception:  # which must not hold up the handshakes behind it
            logger.exception("Unexpected failure of a handshake")
            self.transport.abortConnection()

    def _open_websocket(self, head: RequestHead, key: bytes, rest: bytes) -> None:
        scope = self._scope(head)
        transport = self._leave()
        protocol = self.server.ws_factory.buildProtocol(None)
        transports.hand_over(transport, protocol)
        protocol.makeConnection(transport)
        protocol.open(key, scope, head.raw_headers, rest)

    def _leave_to_daphne(self, head: RequestHead, data: bytes, limit: int) -> None:
        transport = self._leave()
        channel = self.server.http_factory.buildProtocol(transport.getPeer())
        channel.body_limit = limit
        channel.refuse_body = partial(self._refuse_body, head, limit)
        transports.hand_over(transport, channel)
        channel.makeConnection(transport)
        channel.dataReceived(data)

    def _leave(self) -> Any:
        self._data = b""
        self._uncount_input()
        self.server.timed.discard(self)
        self.transport.unregisterProducer()
        return self.transport

    def _refuse_body(self, head: RequestHead, limit: int) -> Refusal:
        policy = self.server.body_policy
        return BodyTooLarge(limit) if policy is None else policy.refuse(self._http_scope(head), limit)

    def _http_scope(self, head: RequestHead) -> dict[str, Any]:
        return {**self._scope(head), "type": "http", "http_version": head.http_version, "method": head.method}

    def _scope(self, head: RequestHead) -> dict[str, Any]:
        """What HTTP and WebSocket scopes share."""
        target = parse_target(head.target)
        if self._peer is None:
            self._peer = Origin(*transports.addresses(self.transport), transports.is_secure(self.transport))
        seen = origin(self._peer, head.headers, self.options.trusted_proxies)
        return {
            "asgi": ASGI_VERSIONS,
            "path": target.path,
            "raw_path": target.raw_path,
            "query_string": target.query_string,
            "root_path": self.options.root_path,
            "headers": head.headers,
            "client": seen.client,
            "server": seen.server,
            "scheme": "https" if seen.secure else "http",
        }

    def _count_input(self) -> None:
        """Tell the server's memory counter what is held of this connection's input."""
        held = len(self._data) + (0 if self._exchange is None else self._exchange.waiting)
        self.server.memory.add(held - self._counted)
        self._counted = held

    def _uncount_input(self) -> None:
        """What is left is dropped or belongs to somebody else."""
        self.server.memory.add(-self._counted)
        self._counted = 0

    # ending

    def _close(self) -> None:
        """End our side, and read on for a while: closing over unread bytes would reset the peer."""
        self._data = b""
        self._uncount_input()
        self._lingering = self.options.linger_bytes
        self._deadline = loop.time() + self.options.linger_timeout
        self.transport.unregisterProducer()
        self.transport.resumeProducing()
        transports.finish_writing(self.transport)

    def _end_lingering(self, now: float) -> None:
        """Close; a peer that does not even take what is buffered is dropped the next time."""
        if self.transport.disconnecting:
            self.transport.abortConnection()
        else:
            self._deadline = now + self.options.body_timeout
            self.transport.loseConnection()

    def _discard(self, size: int) -> None:
        self._lingering -= size
        if self._lingering <= 0:
            self.transport.abortConnection()
