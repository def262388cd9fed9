"""Daphne's HTTP protocol for everything that is not answered directly, one request at a time.

The front has checked the head before; after the answer the connection goes back to it, so that every head on a
kept-alive connection is checked in one place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from gatewayapp.server.reactor import loop  # isort:skip  (first: it installs the reactor)

from daphne.http_protocol import HTTPFactory, WebRequest
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel

from gatewayapp.server import transport as transports
from gatewayapp.server.bodies import SMALL_INPUT, no_memory
from gatewayapp.server.front import Front
from gatewayapp.server.heads import Refusal

if TYPE_CHECKING:
    from gatewayapp.server.server import Server


class Flow:
    """A push producer that lets an application wait while the peer is slow, and drops a peer that takes nothing."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._server = channel.factory.server
        self._paused: asyncio.Future[None] | None = None
        self._deadline = 0.0

    def pauseProducing(self) -> None:
        if self._paused is None:
            self._paused = loop.create_future()
            self._deadline = loop.time() + self._server.options.body_timeout
            self._server.timed.add(self)

    def resumeProducing(self) -> None:
        self._server.timed.discard(self)
        paused, self._paused = self._paused, None
        if paused is not None:
            paused.set_result(None)

    stopProducing = resumeProducing

    def tick(self, now: float) -> None:
        if now >= self._deadline:
            self._channel.transport.abortConnection()

    async def open(self) -> None:
        """Wait while the peer is slow."""
        while self._paused is not None:
            await asyncio.shield(self._paused)


class Request(WebRequest):
    """A request that Twisted parsed; answered through Daphne."""

    def __init__(self, channel: Channel, *args: Any, **kwargs: Any) -> None:
        kwargs["parsePOSTFormSubmission"] = False  # the application's business
        self.flow = Flow(channel)
        self._uploaded = 0
        super().__init__(channel, *args, **kwargs)

    def handleContentChunk(self, data: bytes) -> None:
        if self.channel is None:
            return  # refused already
        self._uploaded += len(data)
        self.server.memory.add(len(data))
        if self._uploaded > self.channel.body_limit:
            self.channel.refuse(self.channel.refuse_body())
        elif self._uploaded > SMALL_INPUT and self.server.memory.is_exhausted:
            self.channel.refuse(no_memory())
        else:
            super().handleContentChunk(data)

    def forget_body(self) -> None:
        """The request has ended: its body is not held any more."""
        self.server.memory.add(-self._uploaded)
        self._uploaded = 0

    def process(self) -> None:
        if self.channel is not None:  # else it was refused while its body arrived
            self.requestHeaders.removeHeader(b"daphne-root-path")  # Daphne's own, and it fails on what is not ASCII
            super().process()

    def handle_reply(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body" and not self.finished:
            if not message.get("more_body", False):
                self.unregisterProducer()
            elif self.producer is None:
                self.registerProducer(self.flow, True)
        super().handle_reply(message)
        if message["type"] == "http.response.start" and not self.responseHeaders.hasHeader(b"date"):
            self.responseHeaders.setRawHeaders(b"date", [formatdate(usegmt=True)])

    def handle_exception(self, exception: BaseException | None) -> None:
        """The application failed; half an answer must not look like a whole one."""
        if self.channel is None or self.finished:
            return
        if self._response_started:
            self.channel.transport.abortConnection()
        else:
            self.basic_error(500, b"Internal Server Error", "The application failed.")


class Channel(HTTPChannel):
    """Twisted's HTTP channel for a single request; the connection outlives it."""

    requestFactory: Any = Request
    transport: Any
    factory: RequestFactory
    body_limit: int
    """Bytes that the request's body may have."""
    refuse_body: Callable[[], Refusal]
    """What a larger one gets."""

    def setLineMode(self, extra: bytes = b"") -> None:
        """Twisted calls this when the answer is complete and the next request may be read."""
        self._give_back(Front(self.factory.server, extra)).resume(self.transport)

    def refuse(self, refusal: Refusal) -> None:
        """Answer a request that cannot be read to its end."""
        self.connectionLost(Failure(ConnectionDone()))
        self.clearLineBuffer()
        self._give_back(Front(self.factory.server)).refuse_on(self.transport, refusal)

    def timeoutConnection(self) -> None:
        self.refuse(Refusal(408, "The request's body did not arrive in time"))

    def _respondToBadRequestAndDisconnect(self) -> None:
        self.refuse(Refusal(400, "Bad request"))

    def _give_back(self, front: Front) -> Front:
        self.setTimeout(None)
        self.transport.unregisterProducer()
        transports.hand_over(self.transport, front)
        return front


class RequestFactory(HTTPFactory):
    """Makes a channel per request that leaves the front."""

    protocol = Channel
    noisy = False

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.timeOut = server.options.body_timeout

    def buildProtocol(self, addr: object) -> Any:
        channel: Any = Channel()
        channel.factory = self
        channel.callLater = self.reactor.callLater
        channel.timeOut = self.timeOut
        channel.maxHeaders = self.server.options.max_headers
        channel.totalHeadersSize = self.server.options.max_header_bytes
        return channel
