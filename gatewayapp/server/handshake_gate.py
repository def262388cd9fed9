"""Admission of WebSocket handshakes, so that a storm of them does not slow down connected clients.

Handshakes start at a rate that follows the load of the event loop: lower when it is busy for more than a part of
the time, higher when it has time and handshakes wait. A short queue absorbs bursts. Handshakes that do not fit are
refused at once with a `Retry-After`. These times are spread over the time that all refused handshakes need, so that
clients that respect them return evenly.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable
from time import perf_counter, process_time
from typing import Final

from gatewayapp.server.reactor import loop

logger = logging.getLogger(__name__)

STEP_SECONDS: Final = 0.002
"""Interval between two steps: few handshakes start together."""
MAX_LOAD: Final = 0.85
"""The part of the time that the process may compute while handshakes wait; the rest keeps others' latency low."""
MIN_RATE: Final = 100.0
INITIAL_RATE: Final = 500.0
MAX_RATE: Final = 10_000.0
SLOWER: Final = 0.994
FASTER: Final = 1.0014
"""Factors of the rate in each step: a second of overload divides it by 20, a second without doubles it."""
SMOOTHING: Final = 0.05
"""Weight of the newest load in the average."""
PRESSURE_SECONDS: Final = 1.0
"""How long after the last handshake that had to wait the gate counts as under pressure."""
BURST_SECONDS: Final = 0.02
"""Handshakes that may start at once, as the time in which the rate admits them."""
QUEUE_SECONDS: Final = 0.5
"""The longest queue, as the time in which the rate admits it."""
BOOKING_RATE: Final = 600.0
"""The lowest rate at which refused clients are asked to return: the rate recovers after the first wave."""
MAX_RETRY_AFTER: Final = 120
LOG_SECONDS: Final = 10.0

Start = Callable[[], None]


class HandshakeGate:
    """One server's gate. `max_rate`: the most handshakes per second; 0: only the load decides."""

    def __init__(self, max_rate: float = 0.0) -> None:
        self._max_rate = max_rate or MAX_RATE
        self.rate = min(INITIAL_RATE, self._max_rate)
        self._tokens = self._burst
        self._refilled = perf_counter()
        self._queue: deque[Start] = deque()
        self._is_stepping = False
        self._step_began = (0.0, 0.0)  # by the clock, and in CPU time of this process
        self._load = 0.0
        self._last_wait = -PRESSURE_SECONDS
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
        self._last_wait = now
        if len(self._queue) < max(self.rate * QUEUE_SECONDS, 1.0):
            self._queue.append(start)
            self._step_later()
            return 0
        return self._refuse(now)

    @property
    def is_under_pressure(self) -> bool:
        """Whether handshakes wait, or have just done so."""
        return perf_counter() - self._last_wait < PRESSURE_SECONDS

    @property
    def _burst(self) -> float:
        return max(self.rate * BURST_SECONDS, 1.0)

    def _refill(self, now: float) -> None:
        self._tokens = min(self._tokens + (now - self._refilled) * self.rate, self._burst)
        self._refilled = now

    def _refuse(self, now: float) -> int:
        """Book the next free place in the future; the seconds until then."""
        rate = min(max(self.rate, BOOKING_RATE), self._max_rate)
        self._booked_until = max(self._booked_until, now + QUEUE_SECONDS) + 1.0 / rate
        self._log(now)
        return min(math.ceil(self._booked_until - now), MAX_RETRY_AFTER)

    def _step_later(self) -> None:
        if not self._is_stepping:
            self._is_stepping = True
            self._step_began = perf_counter(), process_time()
            loop.call_later(STEP_SECONDS, self._step)

    def _step(self) -> None:
        self._is_stepping = False
        now, used = perf_counter(), process_time()
        # Our own CPU time, threads included: where other processes delay the loop, admitting less would not help.
        self._adapt((used - self._step_began[1]) / (now - self._step_began[0]))
        self._refill(now)
        while self._queue and self._tokens >= 1.0:
            self._tokens -= 1.0
            self._queue.popleft()()
        if self._queue or self._load > MAX_LOAD / 2 or self.rate < min(INITIAL_RATE, self._max_rate):
            self._step_later()

    def _adapt(self, load: float) -> None:
        self._load += (load - self._load) * SMOOTHING
        if self._load > MAX_LOAD:
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
