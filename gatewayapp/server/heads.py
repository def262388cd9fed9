"""Request heads: parsed by httptools (llhttp, strict), then held to our limits; pure functions.

A head that passes here is safe for every reader behind it: no control bytes (they once split headers, see
CVE-2026-44546), no underscores in names (they imitate hyphens, see CVE-2026-3902), one Host (RFC 9112 section 3.2).
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import httptools

from gatewayapp.server.limits import ServerOptions

Headers = list[tuple[bytes, bytes]]

CONTROL_BYTES: Final = b"\x00\x0b\x0c\x1c\x1d\x1e\x85"  # llhttp itself refuses stray CR and LF


class Refusal(Exception):
    """A request that the server responds to itself; the connection ends.

    The response is the line of text `message`, or `body` where one is given, whose type `headers` then name.
    """

    def __init__(
        self, status: int, message: str = "", headers: Headers | None = None, body: bytes | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or []
        self.body = body


@dataclass(slots=True)
class RequestHead:
    """A checked request line with its headers."""

    method: str
    target: bytes  # as sent
    http_version: str  # "1.0" or "1.1"
    raw_headers: Headers  # names as the client spelt them
    headers: Headers  # lowercase names, as ASGI wants them
    fields: dict[bytes, bytes]  # the last value of each of `headers`
    keep_alive: bool


class Target(NamedTuple):
    """A request target in origin form, in ASGI's parts."""

    path: str
    raw_path: bytes
    query_string: bytes


def parse_head(data: bytes, options: ServerOptions) -> RequestHead:
    """Parse a complete head (through its empty line).

    Raises:
        Refusal: 400 malformed, 414 URL too long, 431 too many or too long headers, 505 not HTTP/1.x.
    """
    if len(data.translate(None, CONTROL_BYTES)) != len(data):
        raise Refusal(400, "A request must not contain control bytes")
    collector = _Collector()
    parser = httptools.HttpRequestParser(collector)
    try:
        parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError as error:
        raise Refusal(400, f"Bad request: {error}") from error
    version = parser.get_http_version()
    if version not in ("1.1", "1.0"):
        raise Refusal(505, "Only HTTP/1.1 and HTTP/1.0 are spoken here")
    headers = [(name.lower(), value) for name, value in collector.headers]
    fields = dict(headers)
    head = RequestHead(
        method=parser.get_method().decode("ascii"),
        target=collector.target,
        http_version=version,
        raw_headers=collector.headers,
        headers=headers,
        fields=fields,
        keep_alive=_keeps_alive(version, headers) if b"connection" in fields else version == "1.1",
    )
    _check_limits(head, len(data), options)
    if b"_" in b"".join(fields):
        raise Refusal(400, "Header names must not contain underscores")
    _check_host(head)
    return head


def refuse_unfinished(data: bytes, options: ServerOptions) -> None:
    """Raise the Refusal a head deserves that is too long before it is complete."""
    line, _, rest = data.partition(b"\r\n")
    if len(line) > options.max_url + 64:  # a method and a version take less
        raise Refusal(414, f"The URL is longer than {options.max_url} bytes")
    if len(data) > options.max_header_bytes or len(rest) - rest.rfind(b"\r\n") > options.max_header_line:
        raise Refusal(431, f"The headers are longer than {options.max_header_bytes} bytes or one line is too long")


def parse_target(target: bytes) -> Target:
    """Split a request target in origin or absolute form (RFC 9112 section 3.2), and decode its path.

    Raises:
        Refusal: 400 for any other form, a fragment, or bytes outside ASCII.
    """
    raw_path, query_string = split_target(target)
    path = raw_path.decode("ascii")
    return Target(unquote(path) if "%" in path else path, raw_path, query_string)


def split_target(target: bytes) -> tuple[bytes, bytes]:
    """The raw path and the query string of a request target; raises as `parse_target`."""
    if not target.startswith(b"/"):
        target = _origin_form(target)
    raw_path, _, query_string = target.partition(b"?")
    if not raw_path.isascii():
        raise Refusal(400, "The path must be ASCII, other characters percent-encoded")
    return raw_path, query_string


def wants_websocket(head: RequestHead) -> bool:
    """Whether the Upgrade header names websocket."""
    return b"upgrade" in head.fields and any(
        _has_token(value, b"websocket") for value in values(head.headers, b"upgrade")
    )


def check_handshake(head: RequestHead) -> bytes:
    """Check a client's opening handshake (RFC 6455 section 4.2.1) and return its Sec-WebSocket-Key.

    Raises:
        Refusal: 400, 405, or 426 with the version we speak.
    """
    if head.method != "GET" or head.http_version != "1.1":
        raise Refusal(405, "A WebSocket handshake is a GET with HTTP/1.1", [(b"allow", b"GET")])
    if b"transfer-encoding" in head.fields or head.fields.get(b"content-length", b"0") != b"0":
        raise Refusal(400, "A WebSocket handshake has no body")
    if not any(_has_token(value, b"upgrade") for value in values(head.headers, b"connection")):
        raise Refusal(400, 'A WebSocket handshake needs "Connection: Upgrade"')
    if values(head.headers, b"sec-websocket-version") != [b"13"]:
        raise Refusal(
            426, "WebSocket version 13 is spoken here", [(b"sec-websocket-version", b"13"), (b"upgrade", b"websocket")]
        )
    keys = values(head.headers, b"sec-websocket-key")
    if len(keys) != 1 or not _is_key(keys[0]):
        raise Refusal(400, "Sec-WebSocket-Key must be 16 bytes in base64")
    return keys[0]


def subprotocols(headers: Headers) -> list[str]:
    """The subprotocols a client offers, in its order."""
    offered = b",".join(values(headers, b"sec-websocket-protocol")).decode("latin-1")
    return [name for part in offered.split(",") if (name := part.strip())]


def values(headers: Headers, wanted: bytes) -> list[bytes]:
    """All values of a header, `wanted` in lower case."""
    return [value for name, value in headers if name == wanted]


class _Collector:
    """What httptools tells about one head."""

    __slots__ = ("headers", "target")

    def __init__(self) -> None:
        self.headers: Headers = []
        self.target = b""

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))


def _check_limits(head: RequestHead, size: int, options: ServerOptions) -> None:
    if len(head.target) > options.max_url:
        raise Refusal(414, f"The URL is longer than {options.max_url} bytes")
    if len(head.headers) > options.max_headers:
        raise Refusal(431, f"There are more than {options.max_headers} headers")
    if size > options.max_header_line and any(
        len(name) + len(value) > options.max_header_line for name, value in head.headers
    ):
        raise Refusal(431, f"A header is longer than {options.max_header_line} bytes")


def _check_host(head: RequestHead) -> None:
    if b"host" not in head.fields:
        if head.http_version == "1.1":
            raise Refusal(400, "A Host header is needed")
    elif len(head.fields) < len(head.headers) and len(values(head.headers, b"host")) > 1:
        raise Refusal(400, "There is more than one Host header")


def _origin_form(target: bytes) -> bytes:
    try:
        url: Any = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError as error:
        raise Refusal(400, "The request target is malformed") from error
    if url.schema not in (b"http", b"https", b"ws", b"wss") or url.fragment:
        raise Refusal(400, "The request target must be a path")
    return (url.path or b"/") + (b"?" + url.query if url.query else b"")


def _keeps_alive(version: str, headers: Headers) -> bool:
    """What the Connection header asks for (RFC 9112 section 9.3)."""
    connection = values(headers, b"connection")
    if version == "1.0":
        return any(_has_token(value, b"keep-alive") for value in connection)
    return not any(_has_token(value, b"close") for value in connection)


def _has_token(value: bytes, token: bytes) -> bool:
    return any(part.strip().lower() == token for part in value.split(b","))


def _is_key(key: bytes) -> bool:
    try:
        return len(b64decode(key, validate=True)) == 16
    except binascii.Error:
        return False
