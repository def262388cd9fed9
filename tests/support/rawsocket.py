"""A client that speaks HTTP and WebSocket by hand, so that tests can be slow, silent, dripping or wrong.

Blocking sockets with a timeout: a test that waits in vain fails instead of hanging.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # the example of RFC 6455 section 1.3
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@dataclass
class Response:
    """An HTTP answer; header names are in lower case."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    version: str = "HTTP/1.1"


class RawClient:
    """One TCP (or TLS) connection."""

    def __init__(
        self,
        port: int,
        *,
        host: str = "127.0.0.1",
        timeout: float = 10.0,
        receive_buffer: int | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.port = port
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self._buffer = b""
        try:
            self.socket.connect((host, port))
            if tls is not None:
                self.socket = tls.wrap_socket(self.socket, server_hostname=host)
        except OSError:
            self.socket.close()
            raise

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.socket.close()

    # bytes

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_while_open(self, data: bytes) -> None:
        """Send what the peer still takes; it may have closed already."""
        with contextlib.suppress(OSError):
            self.socket.sendall(data)

    def drip(self, data: bytes, size: int = 1, pause: float = 0.0) -> None:
        for start in range(0, len(data), size):
            self.socket.sendall(data[start : start + size])
            time.sleep(pause)

    def receive(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._fill()
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def receive_until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            self._fill()
        taken, found, self._buffer = self._buffer.partition(mark)
        return taken + found

    def receive_rest(self) -> bytes:
        """Everything until the peer closes its side."""
        with contextlib.suppress(EOFError):
            while True:
                self._fill()
        rest, self._buffer = self._buffer, b""
        return rest

    def is_closed(self) -> bool:
        """Whether the peer closes, in order or not, within the timeout, without sending anything more."""
        try:
            return self._buffer == b"" and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def reset(self) -> None:
        """Break the connection with a RST, as a crashing peer does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _fill(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(f"the peer closed after {self._buffer!r}")
        self._buffer += data

    # HTTP

    def request(
        self,
        target: str,
        *,
        method: str = "GET",
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        version: str = "HTTP/1.1",
    ) -> Response:
        self.send(http_request(target, method=method, headers=headers, body=body, version=version))
        return self.response(method)

    def response(self, method: str = "GET") -> Response:
        """Read one answer, its body delimited as its headers say."""
        lines = self.receive_until(b"\r\n\r\n").decode("latin-1").split("\r\n")[:-2]
        version, status, _ = lines[0].split(" ", 2)
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
        response = Response(int(status), headers, version=version)
        if method != "HEAD" and response.status not in (100, 101, 204, 304):
            response.body = self._body(headers)
        return response

    def _body(self, headers: dict[str, str]) -> bytes:
        if "content-length" in headers:
            return self.receive(int(headers["content-length"]))
        if headers.get("transfer-encoding") == "chunked":
            return b"".join(self._chunks())
        return self.receive_rest()

    def _chunks(self) -> Iterable[bytes]:
        while size := int(self.receive_until(b"\r\n"), 16):
            yield self.receive(size)
            self.receive(2)
        self.receive(2)

    # WebSocket

    def upgrade(self, target: str, headers: Iterable[tuple[str, str]] = ()) -> Response:
        """Send an opening handshake and read its answer, a 101 or a denial."""
        self.send(handshake(target, headers))
        return self.response()

    def send_frame(self, opcode: int, payload: bytes = b"", *, fin: bool = True) -> None:
        self.send(masked_frame(opcode, payload, fin=fin))

    def send_close(self, code: int | None = None, reason: str = "") -> None:
        self.send_frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason.encode())

    def receive_frame(self) -> tuple[int, bytes]:
        """(opcode, payload) of the next frame, which must not be fragmented or masked."""
        first, second = self.receive(2)
        assert first & 0x80
        assert not second & 0x80
        size = second
        if second == 126:
            (size,) = struct.unpack("!H", self.receive(2))
        elif second == 127:
            (size,) = struct.unpack("!Q", self.receive(8))
        return first & 0x7F, self.receive(size)

    def receive_close(self) -> tuple[int | None, str]:
        """(code, reason) of the close frame that must come next."""
        opcode, payload = self.receive_frame()
        assert opcode == CLOSE, f"frame {opcode} with {payload!r} came instead of a close frame"
        if not payload:
            return None, ""
        return struct.unpack("!H", payload[:2])[0], payload[2:].decode()


def http_request(
    target: str,
    *,
    method: str = "GET",
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    version: str = "HTTP/1.1",
) -> bytes:
    lines = [f"{method} {target} {version}", "Host: localhost", *(f"{name}: {value}" for name, value in headers)]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def handshake(target: str, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    fields = (
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", KEY),
        ("Sec-WebSocket-Version", "13"),
    )
    return http_request(target, headers=(*fields, *headers))


def masked_frame(opcode: int, payload: bytes, *, fin: bool = True, mask: bytes = b"\x01\x02\x03\x04") -> bytes:
    masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return frame_header(opcode, len(payload), fin=fin) + mask + masked


def frame_header(opcode: int, size: int, *, fin: bool = True) -> bytes:
    """A masked frame's header without its mask; `size` may promise more than will come."""
    first = opcode | (0x80 if fin else 0)
    if size < 126:
        return struct.pack("!BB", first, 0x80 | size)
    if size < 65536:
        return struct.pack("!BBH", first, 0x80 | 126, size)
    return struct.pack("!BBQ", first, 0x80 | 127, size)
