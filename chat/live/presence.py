"""Who is live in which room, across processes; says so at a user's first and last live connection.

Each process tells Redis which users it serves in which rooms, and repeats that more often than the entries expire: a
process that is killed leaves nothing behind, and the others announce that its users have left.

It also tells, once in a while, who did something: who is live and did nothing for long is idle. That is asked for, not
announced.
"""

import asyncio
import logging
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Sequence
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from chat.actions import touch_last_seen
from chat.background import Tasks
from chat.batches import Batches
from chat.cancellation import is_cancelled
from chat.counters import counters
from chat.database import run_in_db
from chat.errors import TooManyConnections
from chat.events import UserJoined, UserLeft, publish
from chat.per_loop import PerLoop

log = logging.getLogger(__name__)
TTL_S = 15.0
BEAT_S = 5.0
RETRY_S = 1.0
REST_MAX_S = 0.01
ANYWHERE = 0  # the room that stands for a connection at all
ACTIVE = -1  # the one that stands for having done something within IDLE_AFTER_S
IDLE_AFTER_S = 600.0
ACTIVITY_STEP_S = 60.0  # Redis is told of a user's activity no more often: it may end this much too early
Key = tuple[int, int]  # room id, user id
Script = tuple[str, int, tuple[Any, ...]]  # Lua, room id, ARGV

# Of each script KEYS[1] is the room's users by expiry. A user's processes by expiry have that key with the user's id,
# which keeps them on the same node of a Redis cluster. `users` are ids, written one after the other.
USERS_AT_ONCE = 500  # while Redis works on them, it serves nobody else
_NOW = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
"""
# ARGV: process, seconds to live, users. Gives those who were not there.
_ENTER = f"""{_NOW}
local expiry, first = now + ARGV[2], {{}}
for user in string.gmatch(ARGV[3], '%d+') do
    local before = redis.call('ZSCORE', KEYS[1], user)
    local processes = KEYS[1] .. ':' .. user
    redis.call('ZADD', KEYS[1], expiry, user)
    redis.call('ZADD', processes, expiry, ARGV[1])
    redis.call('EXPIRE', processes, math.ceil(ARGV[2]))
    if not before or tonumber(before) < now then table.insert(first, user) end
end
redis.call('EXPIRE', KEYS[1], 86400)
return first
"""
# ARGV: process, users. Gives those who are not there any more.
_LEAVE = f"""{_NOW}
local last = {{}}
for user in string.gmatch(ARGV[2], '%d+') do
    local processes = KEYS[1] .. ':' .. user
    redis.call('ZREM', processes, ARGV[1])
    redis.call('ZREMRANGEBYSCORE', processes, '-inf', now)
    if redis.call('ZCARD', processes) == 0 and redis.call('ZREM', KEYS[1], user) == 1 then
        table.insert(last, user)
    end
end
return last
"""
# Gives the users who have expired, which is told once.
_REAP = f"""{_NOW}
local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
return gone
"""
# ARGV: seconds until they are idle, users.
_ACT = f"""{_NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for user in string.gmatch(ARGV[2], '%d+') do redis.call('ZADD', KEYS[1], now + ARGV[1], user) end
redis.call('EXPIRE', KEYS[1], math.ceil(ARGV[1]))
"""
_READ = f"{_NOW} return redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf')"
_COUNT = f"{_NOW} return redis.call('ZCOUNT', KEYS[1], now, '+inf')"


class Presence:
    """The live connections of one process (event loop). Changes are told to Redis by one task, in batches."""

    def __init__(self, *, on_gone: Callable[[list[int]], Coroutine[Any, Any, None]] | None = None) -> None:
        """`on_gone` is called with the ids of users whose last live connection anywhere is gone."""
        self._on_gone = on_gone
        self._noting = Tasks()
        self._redis: Redis = Redis.from_url(settings.REDIS_URL, decode_responses=True)
        self._process = secrets.token_hex(8)
        self._connections: dict[Key, tuple[str, ...]] = {}  # mostly of one, which takes less than a set
        self._changed: dict[Key, None] = {}
        self._told: set[Key] = set()
        self._acted_at: dict[int, float] = {}  # by user, of the last ACTIVITY_STEP_S
        self._acted: dict[int, None] = {}  # whom Redis has not been told of
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._reads = Batches(self._read_rooms)

    def enter(self, room_id: int, user_id: int, connection: str) -> None:
        """The connection is live in the room; no matter if it was before."""
        key = (room_id, user_id)
        connections = self._connections.get(key, ())
        if connection not in connections:
            self._connections[key] = (*connections, connection)
        if not connections:
            self._note(key)
        if room_id == ANYWHERE:
            self.note_activity(user_id)

    def note_activity(self, user_id: int) -> None:
        """The user did something just now, on whatever connection, so is not idle."""
        now = time.monotonic()
        acted_at = self._acted_at.get(user_id)
        if acted_at is not None and now - acted_at < ACTIVITY_STEP_S:
            return
        self._acted_at[user_id] = now
        self._acted[user_id] = None
        self._wake.set()
        self._start()

    def leave(self, room_id: int, user_id: int, connection: str) -> None:
        """The connection is not live in the room any more; no matter if it was not."""
        key = (room_id, user_id)
        connections = self._connections.get(key, ())
        if connection not in connections:
            return
        if len(connections) > 1:
            self._connections[key] = tuple(other for other in connections if other != connection)
        else:
            del self._connections[key]
            self._note(key)

    def count(self, room_id: int, user_id: int) -> int:
        """How many connections of the user are live in the room, in this process."""
        return len(self._connections.get((room_id, user_id), ()))

    async def users_in(self, room_id: int) -> list[int]:
        """Ids of the users who are live in the room, ascending. Empty if Redis cannot be reached.

        Those who ask while Redis is asked for others share the next answer: after a restart a whole room asks.
        """
        self._start()
        return await self._reads.ask(room_id)

    async def states_of(self, user_ids: Collection[int]) -> list[str]:
        """ "online", "idle" or "offline" for each of the users; all are offline if Redis cannot be reached."""
        live, active = map(set, await asyncio.gather(self.users_in(ANYWHERE), self.users_in(ACTIVE)))
        return [
            "offline" if user_id not in live else "online" if user_id in active else "idle"
            for user_id in user_ids
        ]

    async def _read_rooms(self, room_ids: Sequence[int]) -> list[list[int]]:
        rooms = dict.fromkeys(room_ids)
        try:
            answers = await self._run_scripts([(_READ, room_id, ()) for room_id in rooms])
        except (OSError, RedisError):
            return [[] for _ in room_ids]
        users = dict(zip(rooms, (sorted(map(int, found)) for found in answers), strict=True))
        return [users[room_id] for room_id in room_ids]

    @property
    def user_count(self) -> int:
        """How many users this process serves."""
        return sum(room_id == ANYWHERE for room_id, _ in self._connections)

    async def count_everywhere(self) -> int | None:
        """How many users are live on any process. None if Redis cannot be reached."""
        self._start()
        try:
            [count] = await self._run_scripts([(_COUNT, ANYWHERE, ())])
            return int(count)
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
                    begun_at = loop.time()
                    await self._tell_activity()  # first: who is live at last must not look idle
                    await self._tell_changes()
                    if self._wake.is_set():  # they go on coming: what comes meanwhile is told together
                        await asyncio.sleep(min(loop.time() - begun_at, REST_MAX_S))
                    if loop.time() >= next_beat:
                        next_beat = loop.time() + BEAT_S
                        await self._beat()
                except (OSError, RedisError) as error:
                    log.warning("presence could not reach Redis: %s", error)
                    self._wake.set()  # what was not told stays in `_changed`
                    await asyncio.sleep(RETRY_S)
                except Exception:  # nobody's coming and going here would be told again if this loop ended
                    log.exception("presence could not be told; it is tried again")
                    self._wake.set()
                    await asyncio.sleep(RETRY_S)
        finally:
            await self._redis.aclose()

    async def _tell_changes(self) -> None:
        changed = list(self._changed)
        entered = [key for key in changed if key in self._connections and key not in self._told]
        left = [key for key in changed if key not in self._connections and key in self._told]
        # Who came and went before Redis was told of it was here all the same; where others live is known there.
        brief = [
            key
            for key in changed
            if key[0] == ANYWHERE and key not in self._connections and key not in self._told
        ]
        first, last = await self._tell(entered + brief, left + brief)
        for key in changed:
            self._changed.pop(key, None)
        # A key may have changed again meanwhile; it is compared with what Redis was told, so nothing is lost.
        for key in changed:
            if (key in self._connections) != (key in self._told):
                self._changed[key] = None
                self._wake.set()
        await self._announce([UserJoined(*key) for key in first] + [UserLeft(*key) for key in last])

    async def _tell_activity(self) -> None:
        acted = list(self._acted)
        if not acted:
            return
        users = _by_room((ACTIVE, user_id) for user_id in acted)
        await self._run_scripts([(_ACT, room_id, (IDLE_AFTER_S, ids)) for room_id, ids in users])
        for user_id in acted:
            self._acted.pop(user_id, None)

    async def _tell(self, entered: Sequence[Key], left: Sequence[Key]) -> tuple[list[Key], list[Key]]:
        """Returns the keys of a user's first and of a user's last connection in the room."""
        entering, leaving = list(_by_room(entered)), list(_by_room(left))
        answers = await self._run_scripts(
            [(_ENTER, room_id, (self._process, TTL_S, users)) for room_id, users in entering]
            + [(_LEAVE, room_id, (self._process, users)) for room_id, users in leaving]
        )
        self._told.update(entered)
        self._told.difference_update(left)
        first = _keys(entering, answers[: len(entering)])
        last = _keys(leaving, answers[len(entering) :])
        return first, last

    async def _beat(self) -> None:
        """Keep this process's entries alive, and announce the users of processes that stopped doing so."""
        now = time.monotonic()
        self._acted_at = {pk: at for pk, at in self._acted_at.items() if now - at < ACTIVITY_STEP_S}
        first, _ = await self._tell(list(self._told), [])
        await self._announce(
            UserJoined(*key) for key in first
        )  # Redis says so once, whatever becomes of the rest
        rooms = sorted({room_id for room_id, _ in self._told})
        reaped = await self._run_scripts([(_REAP, room_id, ()) for room_id in rooms])
        await self._announce(
            UserLeft(room_id, int(user))
            for room_id, users in zip(rooms, reaped, strict=True)
            for user in users
        )

    async def _run_scripts(self, scripts: Sequence[Script]) -> list[Any]:
        """Their answers, in one round trip. (redis-py's `Script` asks first whether Redis knows it.)"""
        async with self._redis.pipeline(transaction=False) as pipe:
            for source, room_id, arguments in scripts:
                pipe.eval(source, 1, self._room_key(room_id), *arguments)
            return await pipe.execute()

    async def _announce(self, events: Iterable[UserJoined | UserLeft]) -> None:
        gone: list[int] = []
        for event in events:
            if event.room_id != ANYWHERE:
                await publish(event)
            elif isinstance(event, UserLeft):
                gone.append(event.user_id)
        if gone and self._on_gone is not None:  # beside the beats, which a slow database must not hold up
            self._noting.begin(self._on_gone(gone), "noting who has left")

    def _room_key(self, room_id: int) -> str:
        # The braces keep a room's keys on one node of a Redis cluster.
        return f"{settings.CHANNEL_PREFIX}:presence:{{{room_id}}}"


def _by_room(keys: Iterable[Key]) -> Iterator[tuple[int, str]]:
    """The rooms with their users' ids as the scripts read them; a room with many users comes several times."""
    rooms: defaultdict[int, list[str]] = defaultdict(list)
    for room_id, user_id in keys:
        rooms[room_id].append(str(user_id))
    for room_id, users in rooms.items():
        for start in range(0, len(users), USERS_AT_ONCE):
            yield room_id, " ".join(users[start : start + USERS_AT_ONCE])


def _keys(rooms: Iterable[tuple[int, str]], answers: Iterable[Iterable[str]]) -> list[Key]:
    """The users whom scripts named, with their rooms."""
    return [
        (room_id, int(user)) for (room_id, _), users in zip(rooms, answers, strict=True) for user in users
    ]


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
        TooManyConnections: the user has settings.SOCKET_MAX_CONNECTIONS_PER_USER here.
    """
    most = settings.SOCKET_MAX_CONNECTIONS_PER_USER
    if settings.RATE_LIMITS and current_presence().count(ANYWHERE, user_id) >= most:
        counters.count_rate_limited()
        dead_s = (settings.SOCKET_PING_INTERVAL_MS + settings.SOCKET_PING_TIMEOUT_MS) / 1000
        raise TooManyConnections(
            f"You have {most} connections. Close some of them first.", retry_after_s=dead_s
        )
