"""WebSocket clients that cost little: prebuilt masked frames out, whole unmasked frames in (RFC 6455).

They read what a gateway sends, text frames, pings and closes, and fail on anything else rather than measure it.
"""

import asyncio
import os
from base64 import b64encode
from collections.abc import Callable, Sequence
from hashlib import sha1
from typing import TypeVar
from urllib.parse import urlsplit

from websockets.speedups import apply_mask

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PING, _PONG = 0x81, 0x88, 0x89, 0x8A
_DIALS_AT_ONCE = 100

C = TypeVar("C", bound="Client")


class Client(asyncio.Protocol):
    """One WebSocket client; `opened` is done after the 101 and fails for any other answer."""

    def __init__(self, url: str) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._url = url
        self._buffer = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        request, self._accept = handshake(self._url)
        transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self.opened.done() and not self._read_handshake():
            return
        while (frame := read_frame(self._buffer)) is not None:
            opcode, payload, end = frame
            self._buffer = self._buffer[end:]
            self._on_frame(opcode, payload)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(RuntimeError(f"The handshake was not answered: {error}"))
        if not self.closed.done():
            self.closed.set_result(None)

    def text_received(self, text: bytes) -> None:
        """A text frame has arrived."""
        raise RuntimeError(f"Not asked for: {text[:200]!r}")

    def _read_handshake(self) -> bool:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return False
        if not head.startswith(b"HTTP/1.1 101 ") or self._accept not in head:
            self.opened.set_exception(RuntimeError(f"The handshake was refused: {self._buffer[:500]!r}"))
            self.transport.abort()
            return False
        self._buffer = rest
        self.opened.set_result(None)
        return True

    def _on_frame(self, opcode: int, payload: bytes) -> None:
        if opcode == _TEXT:
            self.text_received(payload)
        elif opcode == _PING:
            self.transport.write(masked_frame(_PONG, payload))
        elif opcode == _CLOSE:
            self.transport.close()
        else:
            raise RuntimeError(f"A frame with first byte {opcode:#x}: {payload[:200]!r}")


async def connect_all(url: str, make: Callable[[], C], count: int) -> list[C]:
    """Open `count` connections, some at a time, all made by `make`."""
    gate = asyncio.Semaphore(_DIALS_AT_ONCE)

    async def one() -> C:
        async with gate:
            return await connect(url, make)

    return await asyncio.gather(*(one() for _ in range(count)))


async def connect(url: str, make: Callable[[], C]) -> C:
    _, client = await asyncio.get_running_loop().create_connection(make, *address(url))
    await client.opened
    return client


def address(url: str) -> tuple[str, int]:
    """The host and port that a URL names."""
    parts = urlsplit(url)
    if parts.hostname is None or parts.port is None:
        raise ValueError(f"{url!r} names no host and port.")
    return parts.hostname, parts.port


async def close_all(clients: Sequence[Client]) -> None:
    """Close with 1000 and wait for every connection's end."""
    for client in clients:
        client.transport.write(CLOSE_FRAME)
    await asyncio.gather(*(client.closed for client in clients))


def handshake(url: str) -> tuple[bytes, bytes]:
    """The opening request for `url`, and the Sec-WebSocket-Accept that answers it."""
    parts = urlsplit(url)
    key = b64encode(os.urandom(16))
    request = (
        f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key.decode()}\r\nSec-WebSocket-Version: 13\r\nUser-Agent: nopal-benchmarks\r\n\r\n"
    )
    return request.encode(), accept_key(key)


def accept_key(key: bytes) -> bytes:
    """The Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455, section 4.2.2)."""
    return b64encode(sha1(key + _GUID, usedforsecurity=False).digest())


def masked_frame(opcode: int, payload: bytes) -> bytes:
    """A client's frame; `opcode` includes FIN."""
    mask = os.urandom(4)
    return _header(opcode, len(payload), 0x80) + mask + apply_mask(payload, mask)


def text_frame(payload: bytes) -> bytes:
    """A server's text frame."""
    return _header(_TEXT, len(payload), 0) + payload


def masked_text(payload: bytes) -> bytes:
    return masked_frame(_TEXT, payload)


def _header(opcode: int, size: int, mask_bit: int) -> bytes:
    if size < 126:
        return bytes((opcode, mask_bit | size))
    return bytes((opcode, mask_bit | 126)) + size.to_bytes(2, "big")


def read_frame(data: bytes) -> tuple[int, bytes, int] | None:
    """The unmasked frame at the start of `data` as (opcode with FIN, payload, end), None while it is incomplete."""
    if len(data) < 2:
        return None
    size, start = data[1], 2
    if size == 126:
        size, start = int.from_bytes(data[2:4], "big"), 4
    elif size > 126:
        raise RuntimeError("A masked frame, or one longer than 64 KiB")
    end = start + size
    return (data[0], data[start:end], end) if len(data) >= max(end, start) else None


CLOSE_FRAME = masked_frame(_CLOSE, (1000).to_bytes(2, "big"))
