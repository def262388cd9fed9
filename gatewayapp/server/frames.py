"""WebSocket frames (RFC 6455 section 5) as bytes: building what we send, reading what is common; pure functions."""

from __future__ import annotations

import struct
from base64 import b64encode
from hashlib import sha1
from typing import Final

try:
    from websockets.speedups import apply_mask
except ImportError:  # the C helper is missing on some platforms
    from websockets.utils import apply_mask

TEXT: Final = 0x81  # FIN and opcode in one byte, as on the wire
BINARY: Final = 0x82
CLOSE: Final = 0x88
PING: Final = 0x89
PONG: Final = 0x8A

MASK_BIT: Final = 0x80
CONTROL_BIT: Final = 0x08
OPCODE: Final = 0x0F
MAX_REASON_BYTES: Final = 123

_WHOLE: Final = frozenset((TEXT, BINARY, PING, PONG))
_CLOSE_OPCODE: Final = CLOSE & OPCODE

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MEDIUM_HEADER: Final = struct.Struct("!BBH").pack
_LARGE_HEADER: Final = struct.Struct("!BBQ").pack

__all__ = [
    "BINARY",
    "CLOSE",
    "PING",
    "PONG",
    "TEXT",
    "FrameSkipper",
    "accept_key",
    "close_payload",
    "frame",
    "whole_frame",
]


def frame(opcode: int, payload: bytes) -> bytes:
    """An unmasked, unfragmented frame, as servers send them; `opcode` includes FIN."""
    size = len(payload)
    if size < 126:
        return bytes((opcode, size)) + payload
    if size < 65536:
        return _MEDIUM_HEADER(opcode, 126, size) + payload
    return _LARGE_HEADER(opcode, 127, size) + payload


def whole_frame(data: bytes, start: int, longest: int) -> tuple[int, bytes, int] | None:
    """The complete masked text, binary, ping or pong frame at `start` as (opcode, payload, end), or None.

    None means "not that simple": incomplete, longer than `longest`, fragmented, a close frame or malformed; the full
    parser decides what it is.
    """
    size = len(data) - start
    if size < 6:
        return None
    opcode = data[start]
    if opcode != TEXT and opcode not in _WHOLE:
        return None
    length = data[start + 1] - MASK_BIT
    body = start + 6
    if length >= 126 and opcode & CONTROL_BIT:
        return None
    if length == 126:
        length = (data[start + 2] << 8) | data[start + 3]
        body = start + 8
        if length < 126:  # not the shortest way to write it
            return None
    elif length > 126:
        return None
    end = body + length
    if length < 0 or end - start > size or (length > longest and not opcode & CONTROL_BIT):
        return None
    return opcode, apply_mask(data[body:end], data[body - 4 : body]), end


class FrameSkipper:
    """Looks for the peer's close frame after ours was sent. It only reads frame headers.

    `unread`: bytes of a frame that was being read when the close frame was sent.
    """

    __slots__ = ("_unread",)

    def __init__(self, unread: int) -> None:
        self._unread = unread

    def feed(self, data: bytes, most: int) -> tuple[bytes, bool]:
        """Skip at most `most` frames. Returns the rest of `data`, and whether the peer's close frame comes next."""
        start, size = self._unread, len(data)
        while most > 0 and size - start >= 2:
            length = data[start + 1] & ~MASK_BIT
            header = 6 if data[start + 1] & MASK_BIT else 2
            if data[start] & OPCODE == _CLOSE_OPCODE:
                return data[start:], True
            if length >= 126:
                extended = 2 if length == 126 else 8
                if size - start < 2 + extended:
                    break
                length = int.from_bytes(data[start + 2 : start + 2 + extended], "big")
                header += extended
            start += header + length
            most -= 1
        self._unread = max(start - size, 0)
        return data[start:], False


def close_payload(code: int | None, reason: str = "") -> bytes:
    """A close frame's payload: empty without a code, the reason cut to the 123 bytes that fit."""
    if code is None:
        return b""
    cut = reason.encode("utf-8", "replace")[:MAX_REASON_BYTES].decode("utf-8", "ignore")
    return struct.pack("!H", code) + cut.encode()


def accept_key(key: bytes) -> bytes:
    """Sec-WebSocket-Accept for a client's Sec-WebSocket-Key (RFC 6455 section 4.2.2)."""
    return b64encode(sha1(key + _GUID, usedforsecurity=False).digest())
