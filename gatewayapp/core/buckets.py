"""Token buckets: a rate with a burst, on whatever clock the caller has."""


class TokenBucket:
    """`rate` tokens a second up to `burst`, which is one at least, lest a slow rate let nobody through; starts full."""

    __slots__ = ("_tokens", "_updated", "burst", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = max(burst, 1.0)
        self._tokens = self.burst
        self._updated = now

    def take(self, now: float, tokens: float = 1.0) -> bool:
        """Take `tokens`, or leave the bucket as it is and answer False."""
        available = min(self.burst, self._tokens + (now - self._updated) * self.rate)
        self._updated = now
        if available < tokens:
            self._tokens = available
            return False
        self._tokens = available - tokens
        return True
