"""What all processes together have let through, counted in Redis by the `limits` library.

Nobody waits for it: the counting runs in a thread of its own, and while Redis is away there is none.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor

from django.conf import settings
from limits import RateLimitItemPerSecond
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

log = logging.getLogger(__name__)
TIMEOUT_S = 0.5
RETRY_S = 5.0  # after Redis was found to be away


class SharedWindows:
    """Sliding windows in Redis. `add` returns at once; its `done` is called in another thread."""

    def __init__(
        self, redis_url: str, *, prefix: str, executor: Executor, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._executor = executor
        self._clock = clock
        self._retry_at = 0.0
        self._is_away = False
        # Its own address parser knows no `unix:` address; the pool takes all that the other clients take.
        self._pool = ConnectionPool.from_url(
            redis_url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        storage = RedisStorage("redis://", connection_pool=self._pool, key_prefix=f"{prefix}:limits")
        self._windows = SlidingWindowCounterRateLimiter(storage)

    def add(
        self, window: RateLimitItemPerSecond, key: tuple[str, str], count: int, done: Callable[[bool], None]
    ) -> None:
        """Count so many more, and call `done` with whether the window had room: if not, nothing was counted.

        While Redis is away there is room: what a process counts by itself must do.
        """
        self._executor.submit(lambda: done(self._count(window, key, count)))

    def _count(self, window: RateLimitItemPerSecond, key: tuple[str, str], count: int) -> bool:
        try:
            return self._has_room(window, key, count)
        except Exception:  # whoever never hears would never ask again, and count for nothing anywhere else
            log.exception("a rate limit could not be counted in Redis")
            return True

    def _has_room(self, window: RateLimitItemPerSecond, key: tuple[str, str], count: int) -> bool:
        if self._clock() < self._retry_at:
            return True
        try:
            has_room = self._windows.hit(window, *key, cost=count)
        except (OSError, RedisError) as error:
            self._retry_at = self._clock() + RETRY_S
            if not self._is_away:
                log.warning("rate limits are counted per process while Redis cannot be reached: %s", error)
            self._is_away = True
            return True
        if self._is_away:
            log.warning("rate limits are counted in Redis again")
            self._is_away = False
        return has_room

    def close(self) -> None:
        """Close the connections to Redis."""
        self._pool.disconnect()


def shared_windows() -> SharedWindows:
    """The windows of this installation, with one thread, which begins with the first use."""
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="limits")
    return SharedWindows(settings.REDIS_URL, prefix=settings.CHANNEL_PREFIX, executor=executor)
