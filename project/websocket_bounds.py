"""What a client may cost beyond its messages: unfinished ones, fragments and control frames.

A server bounds the size of a message; these bound how much all unfinished ones of a process hold, and whose they are.
"""

from typing import ClassVar

from chat.limiting.strangers import STRANGER_MAX_BYTES
from chat.limiting.token_bucket import TokenBucket

LARGE_BYTES = 1_100_000  # above what is ever taken; below it, connections are bounded by their number
LARGE_MAX_BYTES = 64_000_000  # of all connections that hold more than that
EXTRAS_PER_S, EXTRAS_BURST = 500, 5000  # fragments and control frames


class Bounds:
    """Of one connection; most never need them. `large_bytes` is what those of the process hold that hold much."""

    __slots__ = ("_extras", "_large")
    large_bytes: ClassVar[int] = 0

    def __init__(self) -> None:
        self._extras: TokenBucket | None = None
        self._large = 0  # this connection's part

    def allow_extras(self, count: int, now: float) -> bool:
        """Whether the client may send so many of the reader's extras more at `now` (of the loop's clock, seconds)."""
        if self._extras is None:
            self._extras = TokenBucket(EXTRAS_PER_S, EXTRAS_BURST)
        return self._extras.take(now, count)

    def allow_held(self, held_bytes: int, *, is_known: bool) -> bool:
        """Whether its unfinished messages may hold so much. `release` must follow where they may not."""
        large = held_bytes if held_bytes > LARGE_BYTES else 0
        Bounds.large_bytes += large - self._large
        self._large = large
        if held_bytes > STRANGER_MAX_BYTES and not is_known:
            return False
        return not large or Bounds.large_bytes <= LARGE_MAX_BYTES

    def release(self) -> None:
        """It holds nothing any more: the next client to send something need not be dropped, too."""
        Bounds.large_bytes -= self._large
        self._large = 0
