"""Admission of WebSocket handshakes, so that a storm of them does not slow down connected clients.

Handshakes start at a rate that follows the event loop's lag: lower when the loop is late, higher when it keeps up and
handshakes wait. A short queue absorbs bursts. Handshakes that do not fit are refused at once with a `Retry-After`.
These times are spread over the time that all refused handshakes need, so that clients that respect them return evenly.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable
from time import perf_counter, thread_time
from typing import Final

from gatewayapp.server.reactor import loop

logger = logging.getLogger(__name__)

STEP_SECONDS: Final = 0.005
"""Interval between two steps. The loop's lag is the CPU time that it used beyond this interval."""
TARGET_LAG_SECONDS: Final = 0.002
MIN_RATE: Final = 100.0
INITIAL_RATE: Final = 1000.0
MAX_RATE: Final = 10_000.0
SLOWER: Final = 0.985
FASTER: Final = 1.002
"""Factors of the rate in each step: a second of lag divides it by 20, a second without multiplies it by 1.5."""
SMOOTHING: Final = 0.1
"""Weight of the newest lag in the average."""
BURST_SECONDS: Final = 0.02
"""Handshakes that may start at once, as the time in which the rate admits them."""
QUEUE_SECONDS: Final = 0.5
"""The longest queue, as the time in which the rate admits it."""
MAX_RETRY_AFTER: Final = 120
LOG_SECONDS: Final = 10.0

Start = Callable[[], None]


class HandshakeGate:
    """One server's gate. `max_rate`: handshakes a second at most, whatever the lag; 0: only the lag decides."""

    def __init__(self, max_rate: float = 0.0) -> None:
        self._max_rate = max_rate or MAX_RATE
        self.rate = min(INITIAL_RATE, self._max_rate)
        self._tokens = self._burst
        self._refilled = perf_counter()
        self._queue: deque[Start] = deque()
        self._is_stepping = False
        self._step_began = 0.0
        self._lag = 0.0
        self._booked_until = 0.0
        self._refused_before_log = 0
        self._next_log = 0.0

    def enter(self, start: Start) -> int:
        """Call `start` now or soon and return 0, or return the seconds after which the client may try again."""
        now = perf_counter()
        self._refill(now)
        if not self._queue and self._tokens >= 1.0:
            self._tokens -= 1.0
            self._step_later()
            start()
            return 0
        if len(self._queue) < max(self.rate * QUEUE_SECONDS, 1.0):
            self._queue.append(start)
            self._step_later()
            return 0
        return self._refuse(now)

    @property
    def _burst(self) -> float:
        return max(self.rate * BURST_SECONDS, 1.0)

    def _refill(self, now: float) -> None:
        self._tokens = min(self._tokens + (now - self._refilled) * self.rate, self._burst)
        self._refilled = now

    def _refuse(self, now: float) -> int:
        """Book the next free place in the future; the seconds until then."""
        self._booked_until = max(self._booked_until, now + QUEUE_SECONDS) + 1.0 / self.rate
        self._log(now)
        return min(math.ceil(self._booked_until - now), MAX_RETRY_AFTER)

    def _step_later(self) -> None:
        if not self._is_stepping:
            self._is_stepping = True
            self._step_began = thread_time()
            loop.call_later(STEP_SECONDS, self._step)

    def _step(self) -> None:
        self._is_stepping = False
        # The loop's own CPU time: if other processes delay the loop, admitting fewer handshakes would not help.
        self._adapt(max(thread_time() - self._step_began - STEP_SECONDS, 0.0))
        self._refill(perf_counter())
        while self._queue and self._tokens >= 1.0:
            self._tokens -= 1.0
            self._queue.popleft()()
        if self._queue or self._lag > TARGET_LAG_SECONDS / 2 or self.rate < min(INITIAL_RATE, self._max_rate):
            self._step_later()

    def _adapt(self, lag: float) -> None:
        self._lag += (lag - self._lag) * SMOOTHING
        if self._lag > TARGET_LAG_SECONDS:
            self.rate = max(self.rate * SLOWER, min(MIN_RATE, self._max_rate))
        elif self._queue or self.rate < INITIAL_RATE:
            self.rate = min(self.rate * FASTER, self._max_rate)

    def _log(self, now: float) -> None:
        self._refused_before_log += 1
        if now >= self._next_log:
            self._next_log = now + LOG_SECONDS
            logger.warning(
                "Refusing handshakes with 429: more arrive than the %.0f a second that can be admitted now. "
                "%d were refused since the last such line.",
                self.rate,
                self._refused_before_log,
            )
            self._refused_before_log = 0
