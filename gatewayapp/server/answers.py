"""HTTP/1.1 answers as bytes: status line, headers and framing (RFC 9112); pure functions."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final, NamedTuple

from gatewayapp.server.heads import Headers, Refusal

STATUS_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"

_FRAMING: Final = frozenset((b"connection", b"transfer-encoding", b"date", b"content-length"))
_BODILESS: Final = (204, 304)


class Answer(NamedTuple):
    """An answer's head on the wire and how its body is to follow."""

    head: bytes
    has_body: bool
    chunked: bool
    keep_alive: bool


def answer(
    status: int,
    headers: Headers,
    *,
    date: bytes = b"",
    length: int | None = None,
    method: str = "GET",
    http_version: str = "1.1",
    keep_alive: bool = False,
) -> Answer:
    """Frame an answer. `length` is the whole body's, or None while it is not known; `date` is a header line.

    Raises:
        ValueError: a header contains a line break or NUL.
    """
    lines = [status_line(status)]
    has_length = False
    for name, value in headers:
        lowered = name.lower()
        if lowered in _FRAMING:
            if lowered == b"connection":
                keep_alive = keep_alive and value.lower() != b"close"
                continue
            if lowered == b"transfer-encoding":
                continue
            if lowered == b"date":
                date = b""
            else:
                has_length = True
        lines.append(name + b": " + value + b"\r\n")
    has_body = method != "HEAD" and status not in _BODILESS
    chunked = False
    if not has_length and status not in _BODILESS:
        if length is not None:
            lines.append(b"content-length: %d\r\n" % length)
        elif http_version == "1.1":
            chunked = has_body
            lines.append(b"transfer-encoding: chunked\r\n")
        else:
            keep_alive = False
    if not keep_alive:
        lines.append(b"connection: close\r\n")
    elif http_version == "1.0":
        lines.append(b"connection: keep-alive\r\n")
    return Answer(b"%b%b\r\n" % (joined(lines), date), has_body, chunked, keep_alive)


def refusal(refused: Refusal) -> bytes:
    """A whole answer after which the connection ends; plain text unless the refusal says otherwise."""
    body = refused.message.encode() + b"\n"
    headers = list(refused.headers)
    if not any(name == b"content-type" for name, _ in headers):
        headers.append((b"content-type", b"text/plain; charset=utf-8"))
    return answer(refused.status, headers, length=len(body)).head + body


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; nothing for no data, which would end it."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def status_line(status: int) -> bytes:
    return STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


def joined(lines: list[bytes]) -> bytes:
    """The lines in one; raises ValueError unless every line is one line, so that no header can be split in two."""
    head = b"".join(lines)
    if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines) or b"\0" in head:
        raise ValueError("A response header contains a line break or NUL")
    return head
