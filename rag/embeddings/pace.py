"""How many requests and tokens a minute a server is sent by all processes together."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from rag.embeddings.embedder import EmbeddingError

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import RateLimiter

logger = logging.getLogger(__name__)

LONGEST_WAIT_S = 20.0  # then the job makes room for others and is tried again
LOOK_AGAIN_S = 1.0
REDIS_TIMEOUT_S = 0.5


class Windows(Protocol):
    """Of `limits.strategies.RateLimiter` what is used here."""

    def test(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool: ...

    def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool: ...


class Pace:
    """A minute's requests and tokens, 0 for as many as one likes; counted in Redis, per process while it is away.

    Passages wait for room. Questions are counted and never wait: somebody waits for them, and the server has the last
    word anyway.
    """

    def __init__(
        self,
        key: str,
        *,
        requests_per_minute: int,
        tokens_per_minute: int,
        shared: Windows,
        own: Windows | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        from limits import RateLimitItemPerMinute

        limits = ((requests_per_minute, "requests"), (tokens_per_minute, "tokens"))
        self._key, self._sleep, self._clock = key, sleep, clock
        self._limits: dict[str, RateLimitItem] = {
            what: RateLimitItemPerMinute(most) for most, what in limits if most
        }
        self._shared = shared
        self._own = own or _memory_windows()

    def take(self, *, tokens: int, is_question: bool) -> None:
        """Count a request of about so many tokens, for passages as soon as there is room for it.

        Raises:
            EmbeddingError: no room within `LONGEST_WAIT_S`; retryable.
        """
        deadline = self._clock() + LONGEST_WAIT_S
        while not self._has_room(tokens) and not is_question:
            if self._clock() > deadline:
                raise EmbeddingError(f"{self._key}: the limit of this minute is used up.", retryable=True)
            self._sleep(random.uniform(0.5, 1.5) * LOOK_AGAIN_S)

    def _has_room(self, tokens: int) -> bool:
        """Whether there was room in all windows; then the request is counted in them."""
        from redis.exceptions import RedisError

        try:
            return self._hit(self._shared, tokens)
        except (RedisError, OSError) as error:
            logger.warning("Requests to %s are counted per process: %s", self._key, error)
        return self._hit(self._own, tokens)

    def _hit(self, windows: Windows, tokens: int) -> bool:
        # More than a whole minute's tokens at once would never fit.
        costs = {"requests": 1, "tokens": tokens}
        counted = [(limit, what, min(costs[what], limit.amount)) for what, limit in self._limits.items()]
        if not all(windows.test(limit, self._key, what, cost=cost) for limit, what, cost in counted):
            return False
        return all([windows.hit(limit, self._key, what, cost=cost) for limit, what, cost in counted])


def redis_windows(redis_url: str, *, prefix: str) -> RateLimiter:
    """Windows of a minute that all processes share; nothing is sent before the first use."""
    from limits.storage import RedisStorage
    from limits.strategies import SlidingWindowCounterRateLimiter
    from redis import ConnectionPool
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    # Its own address parser knows no `unix:` address; the pool takes all that the other clients take.
    pool = ConnectionPool.from_url(
        redis_url,
        socket_timeout=REDIS_TIMEOUT_S,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
    storage = RedisStorage("redis://", connection_pool=pool, key_prefix=f"{prefix}:embeddings")
    return SlidingWindowCounterRateLimiter(storage)


def _memory_windows() -> RateLimiter:
    from limits.storage import MemoryStorage
    from limits.strategies import SlidingWindowCounterRateLimiter

    return SlidingWindowCounterRateLimiter(MemoryStorage())
