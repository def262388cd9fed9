"""Deadlines of many futures on one timer: to set or clear one costs a set operation, not a timer of its own."""

import asyncio
import time
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

STEP = 0.02
"""Seconds that a deadline may be late; it is never early."""

Due = set["asyncio.Future[Any]"]


class Deadlines:
    """Puts an exception into futures that are not done in time; `error` makes it."""

    def __init__(self, error: Callable[[], Exception]) -> None:
        self._error = error
        self._due: dict[int, Due] = {}
        self._ticks: list[int] = []  # a heap of the keys of `_due`
        self._timer: asyncio.TimerHandle | None = None
        self._timer_tick = 0

    def watch(self, future: "asyncio.Future[Any]", timeout: float) -> Due:
        """Watch over `future` for `timeout` seconds; the caller takes it out of the returned set when it is done."""
        tick = int((time.monotonic() + timeout) / STEP) + 1
        due = self._due.get(tick)
        if due is None:
            due = self._due[tick] = set()
            heappush(self._ticks, tick)
            self._arm(tick)
        due.add(future)
        return due

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._due.clear()
        self._ticks.clear()

    def _arm(self, tick: int) -> None:
        if self._timer is not None:
            if self._timer_tick <= tick:
                return
            self._timer.cancel()
        delay = max(0.0, tick * STEP - time.monotonic())
        self._timer = asyncio.get_running_loop().call_later(delay, self._expire)
        self._timer_tick = tick

    def _expire(self) -> None:
        self._timer = None
        now = time.monotonic() / STEP
        while self._ticks and self._ticks[0] <= now:
            for future in self._due.pop(heappop(self._ticks)):
                if not future.done():
                    future.set_exception(self._error())
        if self._ticks:
            self._arm(self._ticks[0])
