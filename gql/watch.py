"""Whether live connections may still live: one sweep per process asks the database for all of them, every few seconds.

Signing out, a revoked or expired token, a deactivated account or a lost membership takes effect within `SWEEP_S`
plus the time of the sweep.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from time import time
from weakref import WeakKeyDictionary

from django.db import Error as DatabaseError

from chat.authentication import Caller, still_valid
from chat.database import run_in_db
from chat.events import room_group
from chat.hub import RESYNC, Delivery, Subscription
from chat.models import User
from chat.selectors import rooms_readable_by

logger = logging.getLogger(__name__)
SWEEP_S = 3.5  # contract: access ends within 5 s


@dataclass(frozen=True, eq=False, slots=True)
class _WatchedCaller:
    caller: Caller
    lost: Callable[[], None]


@dataclass(frozen=True, eq=False, slots=True)
class _WatchedRoom:
    user_id: int
    room_id: int
    lost: Callable[[], None]


_Watched = _WatchedCaller | _WatchedRoom


def _find_lost(watched: list[_Watched], now: float) -> list[_Watched]:
    callers = {entry.caller for entry in watched if isinstance(entry, _WatchedCaller)}
    valid = {caller for caller in callers if still_valid(caller, now=now)}
    wanted: dict[int, set[int]] = {}
    for entry in watched:
        if isinstance(entry, _WatchedRoom):
            wanted.setdefault(entry.user_id, set()).add(entry.room_id)
    readable = {
        (user.pk, room_id)
        for user in User.objects.filter(pk__in=wanted, is_active=True)
        for room_id in rooms_readable_by(user).filter(pk__in=wanted[user.pk]).values_list("pk", flat=True)
    }

    def is_lost(entry: _Watched) -> bool:
        if isinstance(entry, _WatchedCaller):
            return entry.caller not in valid
        return (entry.user_id, entry.room_id) not in readable

    return [entry for entry in watched if is_lost(entry)]


class _Sweep:
    """The watched entries of one event loop; its task runs while there are any."""

    def __init__(self) -> None:
        self._entries: dict[_Watched, None] = {}
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def watching(self, entry: _Watched) -> Iterator[None]:
        self._entries[entry] = None
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._entries.pop(entry, None)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            if not self._entries:
                return
            try:
                lost = await run_in_db(_find_lost, list(self._entries), time())
            except DatabaseError:
                logger.exception("live connections could not be checked; the next sweep tries again")
                continue
            for entry in lost:
                if entry in self._entries:
                    entry.lost()


_SWEEPS: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Sweep]" = WeakKeyDictionary()


def _current_sweep() -> _Sweep:
    return _SWEEPS.setdefault(asyncio.get_running_loop(), _Sweep())


def watch_caller(caller: Caller, lost: Callable[[], None]) -> AbstractContextManager[None]:
    """Within the block, call `lost` (again and again) once the caller's proof no longer holds."""
    return _current_sweep().watching(_WatchedCaller(caller, lost))


def watch_room(user: User, room_id: int, events: Subscription) -> AbstractContextManager[None]:
    """Within the block, make a feed read the room again, and so notice, once the user may no longer read it."""
    resync = Delivery(room_group(room_id), RESYNC, {})
    return _current_sweep().watching(_WatchedRoom(user.pk, room_id, lambda: events(resync)))
