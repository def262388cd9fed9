"""Identifiers in API Gateway's forms.

A connection id is 11 bytes in URL-safe base64 (16 characters, the last one `=`). It names its owner: 20 bits of node
slot, 12 of the node's incarnation, 40 of a sequence (permuted with a key, so that ids do not count), 16 of a MAC.
It is not a secret and authorises nothing. Everyone else treats it as opaque.
"""

import hmac
import random
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import b2a_base64
from hashlib import blake2b
from itertools import count
from typing import NamedTuple

# Request and trace ids are unique, not secret, so they need no system call each. Trace ids even count: one goes with
# each message. They begin with six bytes that are this process's, and end with six that start anywhere.
_TRACES = b"%012x" % random.getrandbits(48)
_NEXT_TRACE = count(random.getrandbits(47)).__next__

# For base64's URL-safe alphabet.
_URL_SAFE = bytes.maketrans(b"+/", b"-_")

_WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{11,43}={0,2}")


class Owner(NamedTuple):
    """The process that holds a connection: its node's slot, and which start of that node it is."""

    slot: int
    incarnation: int


class ConnectionIds:
    """Makes the connection ids of one owner, and reads the owner out of any."""

    def __init__(self, key: bytes, owner: Owner) -> None:
        self._key = key
        self._prefix = (owner.slot << 12 | owner.incarnation).to_bytes(4, "big")
        # Starting from the clock keeps ids unique even after 4096 starts have used up the incarnations.
        self._sequence = count(int(time.time()) << 12)

    def new(self) -> str:
        data = self._prefix + self._permute(next(self._sequence) & 0xFF_FFFF_FFFF).to_bytes(5, "big")
        return urlsafe_b64encode(data + self._mac(data)).decode()

    def owner(self, connection_id: str) -> Owner | None:
        """The owner that a genuine id names, or None."""
        if len(connection_id) != 16 or not well_formed(connection_id):
            return None
        data = urlsafe_b64decode(connection_id)
        if not hmac.compare_digest(data[9:], self._mac(data[:9])):
            return None
        return Owner(int.from_bytes(data[:3], "big") >> 4, int.from_bytes(data[2:4], "big") & 0xFFF)

    def disconnect_request_id(self, connection_id: str) -> str:
        """The request id of a connection's `$disconnect`, the same however often and by whom it is delivered."""
        digest = blake2b(b"disconnect" + connection_id.encode(), key=self._key, digest_size=11).digest()
        return urlsafe_b64encode(digest).decode()

    def _mac(self, data: bytes) -> bytes:
        return blake2b(data, key=self._key, digest_size=2, person=b"mac").digest()

    def _permute(self, number: int) -> int:
        """A four-round Feistel network over 40 bits."""
        left, right = number >> 20, number & 0xFFFFF
        for turn in range(4):
            digest = blake2b(bytes([turn]) + right.to_bytes(3, "big"), key=self._key, digest_size=3).digest()
            left, right = right, left ^ (int.from_bytes(digest, "big") & 0xFFFFF)
        return left << 20 | right


def well_formed(connection_id: str) -> bool:
    """Whether a text could be a connection id of this or another gateway."""
    return len(connection_id) % 4 == 0 and _WELL_FORMED.fullmatch(connection_id) is not None


def new_request_id() -> str:
    """A fresh request id: 16 characters that end in `=`."""
    return b2a_base64(random.randbytes(11), newline=False).translate(_URL_SAFE).decode()  # noqa: S311


def derived_id(request_id: str) -> str:
    """Another id in the same form, always the same one for a request id."""
    return urlsafe_b64encode(blake2b(request_id.encode(), digest_size=11).digest()).decode()


def trace_id(time_ms: int) -> bytes:
    """A fresh value for the X-Amzn-Trace-Id header."""
    return b"Root=1-%08x-%b%012x" % (time_ms // 1000, _TRACES, _NEXT_TRACE())
