"""What must hold whatever happened: the books of an API's connections, kept by its backend, balance.

Each connection that was opened ends with one `$disconnect`; repeats carry the same request id; the database knows
exactly the open ones; nothing unexpected was logged.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.backend import Received
from tests.support.node import Node

_PATIENCE = 15.0


@dataclass(slots=True)
class Ledger:
    """What a backend heard of connections, in order; a handshake's `n` is the client's own mark on it."""

    accepted: dict[str, str] = field(default_factory=dict)
    """Connection ids by the mark `n` of their handshake."""
    opened: set[str] = field(default_factory=set)
    """Connections whose client got its 101."""
    disconnects: list[Received] = field(default_factory=list)

    def disconnects_of(self, connection_id: str) -> list[Received]:
        return [event for event in self.disconnects if event.header("connectionId") == connection_id]

    def disconnected(self) -> set[str]:
        return {event.header("connectionId") or "" for event in self.disconnects}

    def codes(self) -> Counter[str]:
        """How many connections ended with which status."""
        return Counter(event.header("statusCode") or "" for event in self.disconnects)


async def check_invariants(node: Node, api_id: str, ledger: Ledger, *, open_now: int = 0) -> None:
    """Wait until `open_now` connections are left, then compare all books."""
    await eventually(lambda: len(ledger.opened - ledger.disconnected()) == open_now, "connections without $disconnect")
    await eventually(lambda: len(node.rows(api_id)) == open_now, "rows of the registry")
    events = Counter(event.header("connectionId") for event in ledger.disconnects)
    repeated = {connection_id: count for connection_id, count in events.items() if count > 1}
    assert not repeated, f"$disconnect came more than once: {repeated}"
    strangers = ledger.disconnected() - ledger.opened - set(ledger.accepted.values())
    assert not strangers, f"$disconnect of connections that were never accepted: {strangers}"
    assert not node.complaints(), "".join(node.lines[-60:])


async def eventually(condition: Callable[[], bool], what: str, patience: float = _PATIENCE) -> None:
    """Wait for something that no event tells of, such as rows in a file that another process writes."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"after {patience:.0f} s still not as it should be: {what}"
        await asyncio.sleep(0.02)
