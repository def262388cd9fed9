"""Request bodies as they arrive: by length or chunked (RFC 9112 sections 6 and 7.1); no I/O.

A reader takes bytes and gives back what belongs to the body; what is left over is the next request.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from gatewayapp.server.heads import Refusal, RequestHead, values

MAX_CHUNK_LINE: Final = 256
MAX_TRAILER_BYTES: Final = 8192


class BodyTooLarge(Refusal):
    """A body of more than `limit` bytes, declared or sent: 413."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"The body is larger than {limit} bytes")
        self.limit = limit


SMALL_INPUT: Final = 16 * 1024
"""Bytes of a request that are taken even when the memory budget is exhausted."""


def no_memory() -> Refusal:
    """The response to a request that holds more than `SMALL_INPUT` while the memory budget is exhausted."""
    return Refusal(503, "The server holds too much for its clients; try again later", [(b"retry-after", b"5")])


class BodyPolicy(Protocol):
    """An optional extension of an application beside ASGI: the largest request body, asked before the body is read.

    Without it every body may have `ServerOptions.max_upload` bytes. With it, that is what anyone may send anywhere;
    requests that declare more, or no length, are asked about. `scope` is the request's ASGI scope.
    """

    async def find_limit(self, scope: dict[str, Any]) -> int:
        """The largest body in bytes. Raises Refusal if the sender has to authenticate first."""

    def refuse(self, scope: dict[str, Any], limit: int) -> Refusal:
        """The response to a body of more than `limit` bytes."""


class BodyReader(Protocol):
    """Takes a request's body out of the bytes of its connection."""

    finished: bool

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Take `data`: the body's bytes in it, and what follows the body (only once `finished`)."""


def body_reader(head: RequestHead, limit: int) -> BodyReader:
    """The reader for a request's body; it refuses more than `limit` bytes with a 413.

    Raises:
        Refusal: 413 for a length above the limit, 501 for a transfer coding other than chunked.
    """
    if b"transfer-encoding" in head.fields:
        if [value.strip().lower() for value in values(head.headers, b"transfer-encoding")] != [b"chunked"]:
            raise Refusal(501, "The only transfer coding understood is chunked")
        return ChunkedBody(limit)
    return SizedBody(declared_length(head), limit)


def declared_length(head: RequestHead) -> int:
    """The body's length as Content-Length has it, 0 where there is none."""
    return int(head.fields.get(b"content-length") or 0)


def is_declared_within(head: RequestHead, limit: int) -> bool:
    """Whether the head says that the body has at most `limit` bytes; a chunked one says nothing."""
    return b"transfer-encoding" not in head.fields and declared_length(head) <= limit


class SizedBody:
    """A body of a length known in advance."""

    __slots__ = ("_missing", "finished")

    def __init__(self, length: int, limit: int) -> None:
        if length > limit:
            raise BodyTooLarge(limit)
        self._missing = length
        self.finished = length == 0

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        body = data[: self._missing]
        rest = data[self._missing :]
        self._missing -= len(body)
        self.finished = self._missing == 0
        return body, rest


class ChunkedBody:
    """A body in chunks; extensions and trailers are dropped."""

    __slots__ = ("_buffer", "_left", "_limit", "_room", "_step", "finished")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._room = limit
        self._buffer = b""
        self._left = 0  # bytes of the current chunk still to come
        self._step = self._read_size
        self.finished = False

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """See `BodyReader.feed`.

        Raises:
            Refusal: 400 for malformed chunks, 413 above the limit.
        """
        self._buffer += data
        body: list[bytes] = []
        while not self.finished and self._step(body):
            pass
        if not self.finished:
            return b"".join(body), b""
        rest, self._buffer = self._buffer, b""
        return b"".join(body), rest

    def _read_size(self, body: list[bytes]) -> bool:
        line = self._take_line(MAX_CHUNK_LINE)
        if line is None:
            return False
        digits = line.split(b";", 1)[0].rstrip(b" \t")
        if not digits or len(digits) > 16 or digits.strip(b"0123456789abcdefABCDEF"):
            raise Refusal(400, "Bad request: malformed chunk size")
        self._left = int(digits, 16)
        if self._left > self._room:
            raise BodyTooLarge(self._limit)
        self._room -= self._left
        self._step = self._read_chunk if self._left else self._read_trailer
        if not self._left:
            self._room = MAX_TRAILER_BYTES
        return True

    def _read_chunk(self, body: list[bytes]) -> bool:
        if not self._buffer:
            return False
        body.append(self._buffer[: self._left])
        self._buffer = self._buffer[self._left :]
        self._left -= len(body[-1])
        if not self._left:
            self._step = self._read_chunk_end
        return True

    def _read_chunk_end(self, body: list[bytes]) -> bool:
        if len(self._buffer) < 2:
            return False
        if not self._buffer.startswith(b"\r\n"):
            raise Refusal(400, "Bad request: a chunk is longer than its size")
        self._buffer = self._buffer[2:]
        self._step = self._read_size
        return True

    def _read_trailer(self, body: list[bytes]) -> bool:
        line = self._take_line(self._room)
        if line is None:
            return False
        self._room -= len(line) + 2
        self.finished = not line
        return True

    def _take_line(self, longest: int) -> bytes | None:
        line, newline, rest = self._buffer.partition(b"\r\n")
        if len(line) > longest:
            raise Refusal(400, "Bad request: a chunk's line is too long")
        if not newline:
            return None
        self._buffer = rest
        return line
