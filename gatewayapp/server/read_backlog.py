"""Serves in turn the connections that have sent more frames than one turn of the event loop may read.

A connection reads its share when its socket becomes readable. The rest waits here, and meanwhile its socket is not
read. A flood of pings, pongs or tiny fragments therefore costs other connections a bounded time, and TCP holds the
flooding peer back.
"""

from __future__ import annotations

from collections import deque
from time import perf_counter
from typing import Final, Protocol

from gatewayapp.server.reactor import loop

PAUSE_SECONDS: Final = 0.001
"""Between two turns that read from the backlog, so that the rest of the process has most of the time."""
TURN_SECONDS: Final = 0.0002
"""What one such turn may take; the share that is being read then is still read to its end."""


class Reader(Protocol):
    """A connection with unread input."""

    def read_backlog(self) -> None:
        """Read one share of what is left, and join the backlog again if that was not all."""


class ReadBacklog:
    """One server's backlog, first come first served."""

    def __init__(self) -> None:
        self._readers: deque[Reader] = deque()
        self._is_scheduled = False

    def add(self, reader: Reader) -> None:
        self._readers.append(reader)
        self._schedule()

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            loop.call_later(PAUSE_SECONDS, self._read)

    def _read(self) -> None:
        self._is_scheduled = False
        until = perf_counter() + TURN_SECONDS
        for _ in range(len(self._readers)):
            self._readers.popleft().read_backlog()
            if perf_counter() >= until:
                break
        if self._readers:
            self._schedule()
