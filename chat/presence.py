"""Who is live in which room, across processes; says so at a user's first and last live connection.

Each process tells Redis which users it serves in which rooms, and repeats that more often than the entries expire: a
process that is killed leaves nothing behind, and the others announce that its users have left.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from chat.actions import touch_last_seen
from chat.cancellation import is_cancelled
from chat.database import run_in_db
from chat.errors import RateLimited
from chat.events import UserJoined, UserLeft, publish
from chat.per_loop import PerLoop

log = logging.getLogger(__name__)
TTL_S = 15.0
BEAT_S = 5.0
RETRY_S = 1.0
ANYWHERE = 0  # the room that stands for a connection at all
Key = tuple[int, int]  # room id, user id

# KEYS: the room's users by expiry, the user's processes by expiry. ARGV: user, process, seconds to live.
_ENTER = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local expiry = now + ARGV[3]
local before = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], expiry, ARGV[1])
redis.call('ZADD', KEYS[2], expiry, ARGV[2])
redis.call('EXPIRE', KEYS[1], 86400)
redis.call('EXPIRE', KEYS[2], math.ceil(ARGV[3]))
return (not before or tonumber(before) < now) and 1 or 0
"""
_LEAVE = """
local time = redis.call('TIME')
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', time[1] + time[2] / 1000000)
if redis.call('ZCARD', KEYS[2]) > 0 then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])
"""
_REAP = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
return gone
"""


class Presence:
    """The live connections of one process (event loop). Changes are told to Redis by one task, in batches."""

    def __init__(self, *, on_gone: Callable[[list[int]], Coroutine[Any, Any, None]] | None = None) -> None:
        """`on_gone` is called with the ids of users whose last live connection anywhere is gone."""
        self._on_gone = on_gone
        self._noting: set[asyncio.Task[None]] = set()
        self._redis: Redis = Redis.from_url(settings.REDIS_URL, decode_responses=True)
        self._process = secrets.token_hex(8)
        self._connections: dict[Key, set[str]] = {}
        self._changed: dict[Key, None] = {}
        self._told: set[Key] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._next_reads: dict[int, asyncio.Task[list[int]]] = {}  # by room: has not begun
        self._last_reads: dict[int, asyncio.Task[list[int]]] = {}  # by room: the one before the next
        self._enter = self._redis.register_script(_ENTER)
        self._leave = self._redis.register_script(_LEAVE)
        self._reap = self._redis.register_script(_REAP)

    def enter(self, room_id: int, user_id: int, connection: str) -> None:
        """The connection is live in the room; no matter if it was before."""
        connections = self._connections.setdefault((room_id, user_id), set())
        connections.add(connection)
        if len(connections) == 1:
            self._note((room_id, user_id))

    def leave(self, room_id: int, user_id: int, connection: str) -> None:
        """The connection is not live in the room any more; no matter if it was not."""
        connections = self._connections.get((room_id, user_id))
        if connections is None:
            return
        connections.discard(connection)
        if not connections:
            del self._connections[room_id, user_id]
            self._note((room_id, user_id))

    def count(self, room_id: int, user_id: int) -> int:
        """How many connections of the user are live in the room, in this process."""
        return len(self._connections.get((room_id, user_id), ()))

    async def users_in(self, room_id: int) -> list[int]:
        """Ids of the users who are live in the room, ascending. Empty if Redis cannot be reached.

        Those who ask while Redis is asked for somebody else share the next answer: after a restart a whole room asks.
        """
        self._start()
        read = self._next_reads.get(room_id)
        if read is None:
            earlier = self._last_reads.get(room_id)
            read = asyncio.get_running_loop().create_task(self._read_after(earlier, room_id))
            self._next_reads[room_id] = read
        return await asyncio.shield(read)

    async def _read_after(self, earlier: "asyncio.Task[list[int]] | None", room_id: int) -> list[int]:
        if earlier is not None:
            await asyncio.wait([earlier])
        read = self._last_reads[room_id] = self._next_reads.pop(room_id)
        try:
            return await self._read_users(room_id)
        finally:
            if self._last_reads[room_id] is read:
                del self._last_reads[room_id]

    async def _read_users(self, room_id: int) -> list[int]:
        try:
            now, _ = await self._redis.time()
            found = await self._redis.zrangebyscore(self._room_key(room_id), now, "+inf")
        except (OSError, RedisError):
            return []
        return sorted(int(str(user)) for user in found)

    @property
    def user_count(self) -> int:
        """How many users this process serves."""
        return sum(room_id == ANYWHERE for room_id, _ in self._connections)

    async def count_everywhere(self) -> int | None:
        """How many users are live on any process. None if Redis cannot be reached."""
        self._start()
        try:
            seconds, microseconds = await self._redis.time()
            now = seconds + microseconds / 1_000_000
            return int(await self._redis.zcount(self._room_key(ANYWHERE), now, "+inf"))
        except (OSError, RedisError):
            return None

    def _note(self, key: Key) -> None:
        self._changed[key] = None
        self._wake.set()
        self._start()

    def _start(self) -> None:
        """The task also closes the Redis connections at the end."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    # -------------------------------------------------------------------------------------- telling Redis

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        next_beat = loop.time() + BEAT_S
        try:
            while not is_cancelled():
                try:
                    async with asyncio.timeout_at(next_beat):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                self._wake.clear()
                try:
                    await self._tell_changes()
                    if loop.time() >= next_beat:
                        next_beat = loop.time() + BEAT_S
                        await self._beat()
                except (OSError, RedisError) as error:
                    log.warning("presence could not reach Redis: %s", error)
                    self._wake.set()  # what was not told stays in `_changed`
                    await asyncio.sleep(RETRY_S)
        finally:
            await self._redis.aclose()

    async def _tell_changes(self) -> None:
        changed = list(self._changed)
        entered = [key for key in changed if key in self._connections and key not in self._told]
        left = [key for key in changed if key not in self._connections and key in self._told]
        first, last = await self._tell(entered, left)
        for key in changed:
            self._changed.pop(key, None)
        # A key may have changed again meanwhile; it is compared with what Redis was told, so nothing is lost.
        for key in changed:
            if (key in self._connections) != (key in self._told):
                self._changed[key] = None
                self._wake.set()
        await self._announce([UserJoined(*key) for key in first] + [UserLeft(*key) for key in last])

    async def _tell(self, entered: Sequence[Key], left: Sequence[Key]) -> tuple[list[Key], list[Key]]:
        """Returns the keys of a user's first and of a user's last connection in the room."""
        if not entered and not left:
            return [], []
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in entered:
                await self._enter(keys=self._keys(key), args=[key[1], self._process, TTL_S], client=pipe)
            for key in left:
                await self._leave(keys=self._keys(key), args=[key[1], self._process], client=pipe)
            answers = await pipe.execute()
        self._told.update(entered)
        self._told.difference_update(left)
        first = [key for key, answer in zip(entered, answers, strict=False) if answer]
        last = [key for key, answer in zip(left, answers[len(entered) :], strict=True) if answer]
        return first, last

    async def _beat(self) -> None:
        """Keep this process's entries alive, and announce the users of processes that stopped doing so."""
        first, _ = await self._tell(list(self._told), [])
        await self._announce(
            UserJoined(*key) for key in first
        )  # Redis says so once, whatever becomes of the rest
        rooms = sorted({room_id for room_id, _ in self._told})
        async with self._redis.pipeline(transaction=False) as pipe:
            for room_id in rooms:
                await self._reap(keys=[self._room_key(room_id)], client=pipe)
            reaped = await pipe.execute() if rooms else []
        await self._announce(
            UserLeft(room_id, int(user))
            for room_id, users in zip(rooms, reaped, strict=True)
            for user in users
        )

    async def _announce(self, events: Iterable[UserJoined | UserLeft]) -> None:
        gone: list[int] = []
        for event in events:
            if event.room_id != ANYWHERE:
                await publish(event)
            elif isinstance(event, UserLeft):
                gone.append(event.user_id)
        if gone and self._on_gone is not None:  # beside the beats, which a slow database must not hold up
            task = asyncio.create_task(self._on_gone(gone))
            self._noting.add(task)
            task.add_done_callback(self._noting.discard)

    def _room_key(self, room_id: int) -> str:
        # The braces keep a room's keys on one node of a Redis cluster.
        return f"{settings.CHANNEL_PREFIX}:presence:{{{room_id}}}"

    def _keys(self, key: Key) -> list[str]:
        room = self._room_key(key[0])
        return [room, f"{room}:{key[1]}"]


async def _note_last_seen(user_ids: list[int]) -> None:
    try:
        await run_in_db(touch_last_seen, user_ids)
    except DatabaseError as error:
        log.warning("could not note when %s users were here last: %s", len(user_ids), error)


current_presence = PerLoop(lambda: Presence(on_gone=_note_last_seen))


def check_connections(user_id: int) -> None:
    """Refuse one connection too many of a user, counted per process: those of a process that was killed are gone.

    The newest is refused, since to close the oldest would have clients that come back by themselves chase each other.

    Raises:
        RateLimited: the user has settings.SOCKET_MAX_CONNECTIONS_PER_USER here.
    """
    most = settings.SOCKET_MAX_CONNECTIONS_PER_USER
    if settings.RATE_LIMITS and current_presence().count(ANYWHERE, user_id) >= most:
        dead_s = (settings.SOCKET_PING_INTERVAL_MS + settings.SOCKET_PING_TIMEOUT_MS) / 1000
        raise RateLimited(f"You have {most} connections. Close some of them first.", retry_after_s=dead_s)
