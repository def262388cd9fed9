"""Where the two planes meet live: what may be asked of the connections that the gateway of this process holds.

The gateway announces itself here when it starts. Functions are called from threads, never from its event loop.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Delivery(enum.Enum):
    """What became of a frame that was to be delivered, or of a close."""

    ACCEPTED = "accepted"
    """It is in the connection's send buffer."""
    GONE = "gone"
    """There is no such connection, or not any more."""
    BUSY = "busy"
    """The send buffer is full: the client does not read."""
    TOO_LARGE = "tooLarge"
    """The frame is larger than a message of the stage may be."""


@dataclass(frozen=True, slots=True)
class LiveState:
    """A connection at this moment; `last_active_at` in epoch milliseconds, `waiting` is its send buffer in bytes."""

    last_active_at: int
    messages_in: int
    messages_out: int
    bytes_in: int
    bytes_out: int
    in_flight: int
    waiting: int


class LiveConnections(Protocol):
    """What a gateway does for others; ids that it does not hold are gone."""

    @property
    def draining(self) -> bool:
        """Whether the gateway is going away and lets nobody in any more."""

    def deliver(self, connection_ids: Sequence[str], frame: str | bytes) -> list[Delivery]:
        """Send a text or binary frame to each of the connections; the results are in their order."""

    def close(self, connection_ids: Sequence[str], code: int, reason: str) -> list[Delivery]:
        """Close each of the connections."""

    def state(self, connection_id: str) -> LiveState | None: ...

    def count(self) -> int: ...


class NoGateway(Exception):
    """No gateway runs in this process, or it does not answer."""


def announce(gateway: LiveConnections) -> None:
    """From now on `gateway` is this process's."""
    global _gateway
    _gateway = gateway


def withdraw(gateway: LiveConnections) -> None:
    global _gateway
    if _gateway is gateway:
        _gateway = None


def live_connections() -> LiveConnections:
    """The connections of this process's gateway. Raises NoGateway."""
    if _gateway is None:
        raise NoGateway("This process runs no gateway: start Nopal with `manage.py serve`.")
    return _gateway


_gateway: LiveConnections | None = None
