"""One HTTP request answered by the ASGI application directly, without Twisted's request path.

The front feeds it the body; it writes the answer to the transport and tells the front when both are complete. A request
that is there as a whole may be answered without an exchange, which spares it ASGI's events and a task: see `AnswerNow`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gatewayapp.server import answers
from gatewayapp.server.bodies import body_reader
from gatewayapp.server.heads import Headers, Refusal, RequestHead

if TYPE_CHECKING:
    from gatewayapp.server.front import Front

logger = logging.getLogger(__name__)


AnswerNow = Callable[[str, bytes, bytes, Headers, bytes], tuple[int, Headers, bytes] | None]
"""What an application may offer beside ASGI for requests that are there as a whole: it answers without waiting.

(method, raw path, query string, headers, body) to (status, headers, body). None: it wants the request by ASGI.
"""


class Exchange:
    """A request and its answer; `receive` and `send` are ASGI's (HTTP scope)."""

    __slots__ = (
        "_answer",
        "_awaits_continue",
        "_chunks",
        "_delivered",
        "_front",
        "_gone",
        "_held_back",
        "_reader",
        "_start",
        "_waiter",
        "_waiting",
        "complete",
        "head",
    )

    def __init__(self, front: Front, head: RequestHead) -> None:
        """Raises Refusal for a body that is declared too large or in an unknown coding."""
        self._front = front
        self.head = head
        self._reader = body_reader(head, front.options.max_body)
        self._awaits_continue = not self._reader.finished and head.fields.get(b"expect", b"").lower() == b"100-continue"
        self._chunks: list[bytes] = []
        self._waiting = 0  # bytes in `_chunks`
        self._held_back = False  # the socket is not read until the application has taken what waits
        self._delivered = False  # the application has had the last piece of the body
        self._waiter: asyncio.Future[None] | None = None
        self._gone = False
        self._start: dict[str, Any] | None = None
        self._answer: answers.Answer | None = None
        self.complete = False

    @property
    def waiting(self) -> int:
        """Bytes of the body that the application has not taken."""
        return self._waiting

    @property
    def awaits_body(self) -> bool:
        """Whether the peer owes us bytes."""
        return not self._reader.finished and not self._awaits_continue and not self._held_back

    def feed(self, data: bytes) -> bytes:
        """Take the body's bytes out of `data` and return what follows it; raises Refusal."""
        if self._reader.finished or not data:
            return data
        self._awaits_continue = False  # the peer did not wait
        body, rest = self._reader.feed(data)
        if body:
            self._chunks.append(body)
            self._waiting += len(body)
            self._hold_back()
        if body or self._reader.finished:
            self._wake()
        return rest

    def _hold_back(self) -> None:
        """Stop reading the socket while more waits than the application has taken."""
        if self._waiting > self._front.options.waiting_body and not self._reader.finished:
            self._held_back = True
            self._front.transport.pauseProducing()

    def lose(self) -> None:
        """The peer is gone, or will get no more than it has: the application hears `http.disconnect`."""
        self._gone = True
        self._wake()

    async def run(self, application: Any, scope: dict[str, Any]) -> None:
        """Run the application for this request; answers 500 if it fails before its answer is complete."""
        try:
            await application(scope, self.receive, self.send)
        except Exception:
            logger.exception("Exception in the ASGI application on %s %s", scope["method"], scope["path"])
        if not self.complete and not self._gone:
            self._fail()

    async def receive(self) -> dict[str, Any]:
        while not self._gone:
            if self._chunks or (self._reader.finished and not self._delivered):
                return self._next_piece()
            if self._awaits_continue:
                self._awaits_continue = False
                self._front.transport.write(answers.CONTINUE)
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if self._gone:
            raise ConnectionResetError("The HTTP client is gone")
        if message["type"] == "http.response.start":
            if self._start is not None:
                raise RuntimeError("http.response.start was sent already")
            self._start = message
            return
        if message["type"] != "http.response.body" or self._start is None or self.complete:
            raise RuntimeError(f"{message['type']} must not be sent now")
        await self._front.writable()
        if self._gone:
            raise ConnectionResetError("The HTTP client is gone")
        self._send_body(message.get("body", b""), more=message.get("more_body", False))

    def _send_body(self, body: bytes, *, more: bool) -> None:
        data = b""
        if self._answer is None:
            self._answer = self._begin(None if more else len(body))
            data = self._answer.head
        if self._answer.has_body:
            data += answers.chunk(body) if self._answer.chunked else body
            if self._answer.chunked and not more:
                data += answers.LAST_CHUNK
        self._front.transport.write(data)
        if not more:
            self.complete = True
            self._gone = True
            self._front.answered(keep_alive=self._answer.keep_alive)

    def _begin(self, length: int | None) -> answers.Answer:
        assert self._start is not None
        return answers.answer(
            self._start["status"],
            self._start.get("headers", []),
            date=self._front.server.date_header,
            length=length,
            method=self.head.method,
            http_version=self.head.http_version,
            keep_alive=self.head.keep_alive and self._reader.finished,  # an unread body cannot be skipped
        )

    def _next_piece(self) -> dict[str, Any]:
        body = b"".join(self._chunks)
        self._chunks.clear()
        self._waiting = 0
        if self._held_back:
            self._held_back = False
            self._front.read_on()
        self._delivered = self._reader.finished
        return {"type": "http.request", "body": body, "more_body": not self._delivered}

    def _fail(self) -> None:
        if self._answer is not None:
            self._front.transport.abortConnection()  # half an answer must not look like a whole one
        else:
            self._front.refuse(Refusal(500, "Internal server error"))

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


def whole_answer(head: RequestHead, status: int, headers: Headers, body: bytes, date: bytes) -> tuple[bytes, bool]:
    """The bytes of an answer with its whole body, and whether the connection goes on after it."""
    framed = answers.answer(
        status,
        headers,
        date=date,
        length=len(body),
        method=head.method,
        http_version=head.http_version,
        keep_alive=head.keep_alive,
    )
    return framed.head + body if framed.has_body else framed.head, framed.keep_alive
