"""Where the two planes meet live: what may be asked of the gateway that runs in this process.

The gateway announces itself here when it starts. What is asked is answered as values; `connections.LiveConnections`
says what may be asked from where.
"""

from gatewayapp.live.connections import (
    ConnectionFilter,
    Delivery,
    HandshakeFacts,
    LiveConnections,
    LiveState,
    MemoryUse,
    Tried,
)
from gatewayapp.live.traces import Batch, Original, Subscription, TraceFilter, TracePage

__all__ = [
    "Batch",
    "ConnectionFilter",
    "Delivery",
    "HandshakeFacts",
    "LiveConnections",
    "LiveState",
    "MemoryUse",
    "NoGateway",
    "Original",
    "Subscription",
    "TraceFilter",
    "TracePage",
    "Tried",
    "announce",
    "live_connections",
    "withdraw",
]


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
