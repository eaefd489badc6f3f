"""A token bucket: so many per second, and a burst of them at once after a pause."""


class TokenBucket:
    """Starts full. Times are seconds of one steady clock, given by the caller.

    It keeps no thread and no timer: what has come in since the last look is worked out at the next.
    """

    __slots__ = ("_at", "_tokens", "burst", "per_s")

    def __init__(self, per_s: float, burst: float) -> None:
        self.per_s = per_s
        self.burst = burst
        self._tokens: float = burst
        self._at = 0.0

    def wait_s(self, now: float, cost: float = 1) -> float:
        """How long until there is enough for the cost: 0 if there is. Spends nothing."""
        self._fill(now)
        return max(0.0, (cost - self._tokens) / self.per_s)

    def take(self, now: float, cost: float = 1) -> bool:
        """Spend the cost, if there is enough."""
        self._fill(now)
        if self._tokens < cost:
            return False
        self._tokens -= cost
        return True

    def give_back(self, amount: float) -> None:
        """Put back some of what was taken."""
        self._tokens = min(self.burst, self._tokens + amount)

    def left(self, now: float) -> float:
        """What could be taken now."""
        self._fill(now)
        return self._tokens

    def is_full(self, now: float) -> bool:
        """Whether it is as good as new."""
        self._fill(now)
        return self._tokens >= self.burst

    def _fill(self, now: float) -> None:
        if now > self._at:
            self._tokens = min(self.burst, self._tokens + (now - self._at) * self.per_s)
            self._at = now
