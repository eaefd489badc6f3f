"""Every few seconds: do those behind live connections still have their access? One task and few queries for all."""

import asyncio
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from chat.access.authentication import Caller, invalid_callers
from chat.access.room_access import readable_pairs
from chat.database import run_in_db
from chat.models import User
from chat.per_loop import PerLoop

log = logging.getLogger(__name__)
SWEEP_INTERVAL_S = 3.0  # a connection must lose its access within 5 s


class Swept(Protocol):
    """What must end with the access of a user: a live connection, or something on one.

    `caller` is the proof to be checked, None where somebody else answers for it; `room_ids` are the rooms it reads.
    """

    @property
    def caller(self) -> Caller | None: ...
    @property
    def user_id(self) -> int: ...
    def room_ids(self) -> Iterable[int]: ...
    def end_access(self) -> None: ...
    def lose_room(self, room_id: int) -> None: ...
    def update_user(self, user: User) -> None: ...


class WithoutRooms:
    """The part of `Swept` that is about rooms, for what reads none."""

    __slots__ = ()

    def room_ids(self) -> Iterable[int]:
        """None."""
        return ()

    def lose_room(self, room_id: int) -> None:
        """There is none to lose."""


@dataclass(frozen=True, slots=True)
class Findings:
    """`callers` are those whose proof no longer holds, `rooms` pairs of user and room id without access, `users` the
    accounts as they are now."""

    callers: set[Caller] = field(default_factory=set)
    rooms: set[tuple[int, int]] = field(default_factory=set)
    users: dict[int, User] = field(default_factory=dict)


def check_access(callers: set[Caller], rooms: set[tuple[int, int]]) -> Findings:
    """Check every caller, and every (user id, room id) pair, against the database, with four queries at most."""
    user_ids = {caller.user.pk for caller in callers} | {user_id for user_id, _ in rooms}
    users = User.objects.in_bulk(user_ids)
    invalid = invalid_callers(callers, users, now=time.time())
    return Findings(invalid, rooms - readable_pairs(rooms), users)


class Sweeper:
    """What is live on one event loop."""

    def __init__(self) -> None:
        self._live: set[Swept] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, one: Swept) -> None:
        """Check this one from now on."""
        self._live.add(one)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    def discard(self, one: Swept) -> None:
        """Check it no more."""
        self._live.discard(one)

    async def _run(self) -> None:
        while self._live:
            await asyncio.sleep(SWEEP_INTERVAL_S)
            try:
                await self.sweep()
            except (
                Exception
            ):  # nobody is thrown out for an outage, and nobody stays for good because of a bug
                log.exception("access could not be checked; the next sweep tries again")

    async def sweep(self) -> None:
        """Check all once, and act on it."""
        callers = {one: one.caller for one in self._live}
        rooms = {(one.user_id, room_id) for one in self._live for room_id in one.room_ids()}
        found = await run_in_db(check_access, {c for c in callers.values() if c is not None}, rooms)
        for one, caller in callers.items():
            if one not in self._live or one.caller is not caller:
                continue  # gone, or renewed its proof meanwhile
            try:
                _act(one, found)
            except Exception:  # one connection's bug must not save the others
                log.exception(
                    "the access of a live connection could not be withdrawn; the next sweep tries again"
                )


def _act(one: Swept, found: Findings) -> None:
    if one.caller in found.callers:
        one.end_access()
        return
    for room_id in list(one.room_ids()):
        if (one.user_id, room_id) in found.rooms:
            one.lose_room(room_id)
    if one.user_id in found.users:
        one.update_user(found.users[one.user_id])


current_sweeper = PerLoop(Sweeper)
