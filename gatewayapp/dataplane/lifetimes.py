"""How long a connection may live: idle for so long, and so long in all, on the monotonic clock.

AWS: 10 minutes without data, 2 hours in all. One timer serves both; traffic only notes the time, and the timer looks
again when it fires, so that a busy connection costs no timer work at all.
"""

import asyncio
from collections.abc import Callable

from gatewayapp.core.limits import StageLimits


class Lifetime:
    """Calls `expire` once when one of the stage's two limits is reached; limits are read anew each time."""

    __slots__ = ("_expire", "_last_data", "_limits", "_loop", "_started", "_timer")

    def __init__(self, limits: Callable[[], StageLimits], expire: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._limits = limits
        self._expire = expire
        self._timer: asyncio.TimerHandle | None = None
        self._started = self._last_data = self._loop.time()

    def start(self) -> None:
        self._started = self._last_data = self._loop.time()
        self.check()

    def touch(self) -> None:
        """Data went one way or the other."""
        self._last_data = self._loop.time()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def idle_for(self) -> float:
        """Seconds since the last data."""
        return self._loop.time() - self._last_data

    @property
    def idle_left(self) -> float | None:
        """Seconds until it expires for being idle, None if never."""
        timeout = self._limits().idle_timeout
        return timeout - self.idle_for if timeout else None

    @property
    def left(self) -> float | None:
        """Seconds until it expires whatever the traffic, None if never."""
        duration = self._limits().connection_duration
        return self._started + duration - self._loop.time() if duration else None

    def check(self) -> None:
        """Expire if it is time, else look again when it may be; also after the limits changed."""
        self.stop()
        deadline = self._deadline()
        if deadline is None:
            return
        if deadline <= self._loop.time():
            self._expire()
        else:
            self._timer = self._loop.call_at(deadline, self.check)

    def _deadline(self) -> float | None:
        limits = self._limits()
        deadlines = []
        if limits.idle_timeout:
            deadlines.append(self._last_data + limits.idle_timeout)
        if limits.connection_duration:
            deadlines.append(self._started + limits.connection_duration)
        return min(deadlines, default=None)
