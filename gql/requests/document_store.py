"""Where documents of automatic persisted queries are kept: the latest in the process, all in Redis.

Redis may lose them at any time, or be away: a client whose document is not known sends it again.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cache
from hashlib import sha256
from typing import TypeVar

from django.conf import settings
from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from gql.recent import Recent

log = logging.getLogger(__name__)
T = TypeVar("T")

DOCUMENT_MAX_BYTES = 20_000
PROCESS_MAX_BYTES = 4_000_000
SHARED_MAX_DOCUMENTS = 2_000  # 40 MB at most; a client program has some hundred
TTL_S = 7 * 24 * 3600  # since a process asked for it last
USER_MAX_DOCUMENTS = 300  # new ones in `USER_PERIOD_S`: nobody pushes out what the others use
USER_PERIOD_S = 3600
TIMEOUT_S = 0.5
RETRY_S = 5.0  # after Redis was found to be away

# KEYS: document, index by time, the user's count. Returns whether the document is kept.
_KEEP = """
if redis.call('EXISTS', KEYS[1]) == 0 then
    if redis.call('INCR', KEYS[3]) == 1 then redis.call('EXPIRE', KEYS[3], ARGV[5]) end
    if tonumber(redis.call('GET', KEYS[3])) > tonumber(ARGV[4]) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call('ZADD', KEYS[2], redis.call('TIME')[1], KEYS[1])
redis.call('EXPIRE', KEYS[2], ARGV[2])
local above = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[3])
if above > 0 then
    local oldest = redis.call('ZPOPMIN', KEYS[2], above)
    for i = 1, #oldest, 2 do redis.call('DEL', oldest[i]) end
end
return 1
"""


def digest_of(text: str) -> str:
    """The name of a document: the SHA-256 of its UTF-8, in lower-case hexadecimal."""
    return sha256(text.encode()).hexdigest()


def _size(text: str) -> int:
    return len(text.encode())


class DocumentStore:
    """The documents that clients of this installation registered. To be used on event loops."""

    def __init__(
        self, redis_url: str, *, prefix: str, executor: Executor, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._prefix = f"{prefix}:documents"
        self._executor = executor
        self._clock = clock
        self._retry_at = 0.0
        self._recent: Recent[str, str] = Recent(PROCESS_MAX_BYTES, _size)
        self._pool = ConnectionPool.from_url(
            redis_url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )

    async def find(self, digest: str) -> str | None:
        """The document of this digest; None if it is not known, or Redis cannot be reached."""
        text = self._recent.get(digest)
        if text is None:
            text = await self._in_thread(lambda redis: self._read(redis, digest))
            if text is not None:
                self._recent.put(digest, text)
        return text

    async def keep(self, digest: str, text: str, *, user_id: int) -> bool:
        """Remember a document, which must be valid, for all processes. Returns whether it is kept.

        It is not if it is too long, the user registered too many lately, or Redis cannot be reached.
        """
        if self._recent.get(digest) is not None:
            return True
        if _size(text) > DOCUMENT_MAX_BYTES:
            return False
        kept = await self._in_thread(lambda redis: self._write(redis, digest, text, user_id))
        if kept:
            self._recent.put(digest, text)
        return bool(kept)

    def forget_recent(self) -> None:
        """Drop what the process remembers, as a new process would begin."""
        self._recent.clear()

    def close(self) -> None:
        """Close the connections to Redis."""
        self._pool.disconnect()

    async def _in_thread(self, ask: Callable[[Redis], T]) -> T | None:
        if self._clock() < self._retry_at:
            return None
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._executor, ask, Redis(connection_pool=self._pool))
        except (OSError, RedisError) as error:
            if self._clock() >= self._retry_at:
                log.warning("persisted documents are not known while Redis cannot be reached: %s", error)
            self._retry_at = self._clock() + RETRY_S
            return None

    def _read(self, redis: Redis, digest: str) -> str | None:
        encoded = redis.getex(self._key(digest), ex=TTL_S)
        if not isinstance(encoded, bytes) or sha256(encoded).hexdigest() != digest:
            return None
        return encoded.decode()

    def _write(self, redis: Redis, digest: str, text: str, user_id: int) -> bool:
        keys = (self._key(digest), f"{self._prefix}:index", f"{self._prefix}:by:{user_id}")
        limits = (TTL_S, SHARED_MAX_DOCUMENTS, USER_MAX_DOCUMENTS, USER_PERIOD_S)
        return bool(redis.eval(_KEEP, len(keys), *keys, text, *limits))

    def _key(self, digest: str) -> str:
        return f"{self._prefix}:{digest}"


@cache
def document_store() -> DocumentStore:
    """The store of this installation, with two threads, which begin with the first use."""
    executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="documents")
    return DocumentStore(settings.REDIS_URL, prefix=settings.CHANNEL_PREFIX, executor=executor)
