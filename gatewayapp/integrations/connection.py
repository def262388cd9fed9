"""One HTTP/1.1 client connection (RFC 9112): a call's bytes go out, one bounded answer comes back.

What is not exactly one well-formed answer within the limits fails the call and aborts the connection; a connection
that brought bytes nobody asked for is never used again, so nothing of one answer can reach the next call.
"""

import asyncio
import select
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gatewayapp.bursts import Burst
from gatewayapp.core.errors import BackendUnreachable, BadIntegrationResult, GatewayError
from gatewayapp.core.messages import Headers, IntegrationResponse
from gatewayapp.memory_budget import MemoryBudget

MAX_INTERIM_RESPONSES = 16
_SMALL_BODY = 64 * 1024
"""Bytes of a response that are read even when the memory budget is exhausted."""

_PEER_CLOSED: int = getattr(select, "POLLRDHUP", 0)


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """What one answer may measure, in bytes and in header fields (trailers count as header fields)."""

    body: int
    header_bytes: int
    headers: int


class Call:
    """One request on its way: its bytes, the future of its answer, and the connection that carries it meanwhile."""

    __slots__ = ("answer", "connection", "is_head", "wire")

    def __init__(self, wire: bytes, is_head: bool, answer: "asyncio.Future[IntegrationResponse]") -> None:
        self.wire = wire
        self.is_head = is_head
        self.answer = answer
        self.connection: Connection | None = None


class Owner(Protocol):
    """Who lends connections to calls."""

    def release(self, connection: "Connection") -> None:
        """The connection has done its call and may carry another."""

    def take_back(self, call: Call) -> None:
        """The connection has ended before it could send the call, of which nobody has seen a byte."""

    def forget(self, connection: "Connection") -> None:
        """The connection is of no more use; called once."""


class Connection(asyncio.Protocol):
    """A connected socket that carries one call at a time; also the parser's callback object."""

    __slots__ = (
        "_answer_headers",
        "_body",
        "_call",
        "_complete",
        "_expects_body",
        "_headers",
        "_interim",
        "_limits",
        "_memory",
        "_next",
        "_owner",
        "_parser",
        "_poll",
        "_reusable",
        "_since_progress",
        "_status",
        "_transport",
        "idle_since",
        "lost",
    )

    def __init__(
        self, sock: socket.socket, secure: bool, owner: Owner, limits: AnswerLimits, memory: MemoryBudget
    ) -> None:
        poller = select.poll()
        # Under TLS bytes may come unasked, such as session tickets.
        poller.register(sock, _PEER_CLOSED if secure else _PEER_CLOSED | select.POLLIN)
        self._poll = poller.poll
        self._owner: Owner | None = owner
        self._limits = limits
        self._memory = memory
        self._body: bytes | bytearray = b""
        self._transport: asyncio.Transport | None = None
        self._parser = HttpResponseParser(self)
        self._next: Call | None = None  # to be sent at the end of this turn of the event loop
        self._call: Call | None = None
        self._forget_answer()
        self.idle_since = 0.0
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def _forget_answer(self) -> None:
        self._headers: list[tuple[str, str]] = []
        self._answer_headers: Headers = ()
        self._status = 0
        self._memory.used -= len(self._body)
        self._body = b""
        self._complete = False
        self._reusable = False
        self._expects_body = True
        self._interim = 0
        self._since_progress = 0

    @property
    def is_open(self) -> bool:
        return self._owner is not None

    def start(self, call: Call, burst: Burst) -> None:
        """Send the call with the others of this turn; its future gets the answer or a GatewayError."""
        self._next = call
        call.connection = self
        burst.add(self._send_next)

    def _send_next(self) -> None:
        """Send the call, unless it was given up, or the backend has closed or sent what the event loop has not seen.

        Asked right before writing, since a call on a connection that the backend has already closed cannot be
        repeated once it is written: nobody could tell whether it was carried out.
        """
        call = self._next
        if call is None:  # the connection ended meanwhile
            return
        if call.answer.done() or self._poll(0):
            self.abort()
            return
        self._next, self._call = None, call
        assert self._transport is not None
        self._transport.write(call.wire)
        call.wire = b""  # the transport keeps what the kernel has not taken

    def abort(self) -> None:
        """Close at once. A call that is still carried is left without an answer: its caller has given up."""
        if self._detach() and self._transport is not None:
            self._transport.abort()

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._call is None:
            self.abort()
            return
        try:
            for part in (data,) if len(data) <= self._limits.header_bytes else self._parts(data):
                self._since_progress += len(part)
                self._parser.feed_data(part)
                if not self._complete:
                    self._check_unfinished()
        except (HttpParserError, HttpParserUpgrade, _Refused) as error:
            if self._is_answered:
                self._finish(reusable=False)
            else:
                self._fail(BadIntegrationResult(_explain(error)))
            return
        if self._complete or self._is_answered:
            self._finish(self._reusable)

    def eof_received(self) -> None:
        if self._call is not None and self._status and self._ends_with_connection():
            self._finish(reusable=False)

    def connection_lost(self, error: Exception | None) -> None:
        self._detach()
        if self._call is not None:
            self._fail(self._loss(error))
        if not self.lost.done():
            self.lost.set_result(None)

    # the parser's callbacks

    def on_message_begin(self) -> None:
        if self._complete:
            raise _Refused("bytes after the answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        if len(self._headers) > self._limits.headers:
            raise _Refused(f"more than {self._limits.headers} header fields")
        if self._since_progress > self._limits.header_bytes and _size(self._headers) > self._limits.header_bytes:
            raise _Refused(f"a header of more than {self._limits.header_bytes} bytes")
        status = self._parser.get_status_code()
        if status < 200:
            self._pass_over_interim(status)
            return
        self._status = status
        self._answer_headers = tuple(self._headers)
        if status in (204, 304) or (self._call is not None and self._call.is_head):
            self._expects_body = False

    def on_body(self, chunk: bytes) -> None:
        if not self._expects_body:
            raise _Refused("a body where there can be none")
        self._since_progress = 0
        self._memory.used += len(chunk)
        if not self._body:
            self._body = chunk
        elif isinstance(self._body, bytearray):
            self._body += chunk
        else:
            self._body = bytearray(self._body) + chunk
        if len(self._body) > self._limits.body:
            raise _Refused(f"a body of more than {self._limits.body} bytes")
        if len(self._body) > _SMALL_BODY and self._memory.is_exhausted:
            raise _Refused("more than fits into the memory budget (NOPAL_MEMORY_BUDGET) at the moment")

    def on_message_complete(self) -> None:
        if self._status:
            self._complete = True
            self._reusable = self._parser.should_keep_alive()

    # what they share

    @property
    def _is_answered(self) -> bool:
        return self._complete or (self._status != 0 and not self._expects_body)

    def _parts(self, data: bytes) -> Sequence[bytes]:
        """What was read at once, in parts that are small enough to stop soon after a limit is broken."""
        size = self._limits.header_bytes
        return [data[start : start + size] for start in range(0, len(data), size)]

    def _pass_over_interim(self, status: int) -> None:
        if status < 100 or status == 101:
            raise _Refused(f"status {status}, which answers nothing that was asked")
        self._headers = []
        self._interim += 1
        if self._interim > MAX_INTERIM_RESPONSES:
            raise _Refused(f"more than {MAX_INTERIM_RESPONSES} interim responses")

    def _check_unfinished(self) -> None:
        """Raise `_Refused` if the answer cannot end within the limits."""
        if len(self._headers) > self._limits.headers:
            raise _Refused(f"more than {self._limits.headers} header fields")
        if self._since_progress > self._limits.header_bytes:
            raise _Refused(f"more than {self._limits.header_bytes} bytes of header, trailer or chunk framing")
        if self._status and self._expects_body and self._declared_length() > self._limits.body:
            raise _Refused(f"a body declared to be of more than {self._limits.body} bytes")

    def _declared_length(self) -> int:
        """The Content-Length, which the parser has checked, or 0."""
        return max((int(value) for name, value in self._answer_headers if name.lower() == "content-length"), default=0)

    def _ends_with_connection(self) -> bool:
        """Whether the body's length is told by the connection's end alone (RFC 9112, 6.3, rule 8)."""
        return not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in self._answer_headers)

    def _finish(self, reusable: bool) -> None:
        call, self._call = self._call, None
        assert call is not None
        assert self._transport is not None
        call.connection = None
        if not call.answer.done():
            call.answer.set_result(IntegrationResponse(self._status, bytes(self._body), self._answer_headers))
        self._forget_answer()
        if reusable and self._owner is not None and not self._transport.get_write_buffer_size():
            self._owner.release(self)
        else:
            self.abort()

    def _fail(self, error: GatewayError) -> None:
        call, self._call = self._call, None
        assert call is not None
        call.connection = None
        if not call.answer.done():
            call.answer.set_exception(error)
        self._forget_answer()
        self.abort()

    def _loss(self, error: Exception | None) -> GatewayError:
        if error is not None:
            return BackendUnreachable(f"The connection broke before the answer was complete: {error}.")
        if self._since_progress or self._status:
            # As after a reset, it is unknown whether the backend handled the request.
            return BadIntegrationResult(
                "The backend closed the connection in the middle of its answer.", is_retryable=True
            )
        return BackendUnreachable("The backend closed the connection without an answer.")

    def _detach(self) -> bool:
        """Leave the owner; False if it happened before."""
        owner, self._owner = self._owner, None
        if owner is None:
            return False
        owner.forget(self)
        call, self._next = self._next, None
        if call is not None:
            call.connection = None
            owner.take_back(call)
        return True


class _Refused(Exception):
    """Raised inside the parser's callbacks to stop it; says what the answer brought that it must not."""


def _explain(error: Exception) -> str:
    refused = error if isinstance(error, _Refused) else error.__context__
    if isinstance(refused, _Refused):
        return f"The answer brought {refused}."
    return f"The answer is not HTTP/1.1: {error}."


def _size(headers: list[tuple[str, str]]) -> int:
    """Bytes of the header fields on the wire, with colon, blank and line end."""
    return sum(len(name) + len(value) + 4 for name, value in headers)
