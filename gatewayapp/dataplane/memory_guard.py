"""Enforces the memory budget, four times a second.

Above the budget, connections pause before they take a message (`LiveConnection.wait_for_slot`), and the guard resumes
them. Above the ceiling, it closes slow readers with 1013, the largest first. After a burst it returns the allocator's
free memory to the system.
"""

import asyncio
import ctypes
import logging
from operator import attrgetter
from typing import Final

from gatewayapp.dataplane.connections import Connections
from gatewayapp.memory_budget import MemoryBudget

logger = logging.getLogger(__name__)

_TICK_SECONDS: Final = 0.25
_RESUMED_PER_TICK: Final = 200
_TICKS_BETWEEN_SHEDDING: Final = 8
"""Buffers are freed when the TCP connection is gone, so closing connections takes time to have an effect."""
_LOG_SECONDS: Final = 10.0
_BURST_BYTES: Final = 32 * 2**20
"""A peak above this leaves enough free memory to be worth returning."""


class MemoryGuard:
    """Watches one process's budget; belongs to one event loop."""

    def __init__(self, budget: MemoryBudget, connections: Connections) -> None:
        self._budget = budget
        self._connections = connections
        self._timer: asyncio.TimerHandle | None = None
        self._ticks_to_shedding = 0
        self._peak = 0
        self._next_log = 0.0

    def start(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_TICK_SECONDS, self._tick)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        self.start()
        self._budget.resume(_RESUMED_PER_TICK)
        self._ticks_to_shedding = max(self._ticks_to_shedding - 1, 0)
        if self._budget.is_exhausted and not self._ticks_to_shedding:
            self._shed()
        self._peak = max(self._peak, self._budget.used)
        if self._peak > _BURST_BYTES and self._budget.used < self._peak // 4:
            self._peak = self._budget.used
            _return_free_memory()

    def _shed(self) -> None:
        """Close slow readers, the largest first, until what is left fits into the budget."""
        self._ticks_to_shedding = _TICKS_BETWEEN_SHEDDING
        excess = self._budget.used - self._budget.limit
        slow = sorted((each for each in self._connections if each.waiting), key=attrgetter("total_held"), reverse=True)
        closed = 0
        for connection in slow:
            if excess <= 0:
                break
            excess -= connection.total_held
            connection.shed()
            closed += 1
        self._budget.closed_count += closed
        self._log(closed)

    def _log(self, closed: int) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._next_log:
            return
        self._next_log = now + _LOG_SECONDS
        logger.error(
            "The memory budget is exhausted: %d MiB are held for clients, the budget is %d MiB. Closed %d slow readers "
            "with 1013; handshakes get 503. Raise NOPAL_MEMORY_BUDGET, or lower maxInFlight and sendBuffer of stages.",
            self._budget.used >> 20,
            self._budget.limit >> 20,
            closed,
        )


def _return_free_memory() -> None:
    """Have glibc return free memory to the system, in a thread, since that takes milliseconds; elsewhere nothing."""
    if _malloc_trim is not None:
        asyncio.get_running_loop().run_in_executor(None, _malloc_trim, 0)


_malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
