"""Every few seconds: do the callers behind live sockets still have their access? One task and few queries for all."""

import asyncio
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from django.db import Error as DatabaseError

from chat.authentication import Caller, still_valid
from chat.database import run_in_db
from chat.models import Membership, Room, User
from chat.per_loop import PerLoop

log = logging.getLogger(__name__)
SWEEP_INTERVAL_S = 3.0  # a connection must lose its access within 5 s


class Swept(Protocol):
    """A live connection with a caller who reads rooms."""

    caller: Caller

    def room_ids(self) -> Iterable[int]: ...
    def end_access(self) -> None: ...
    def lose_room(self, room_id: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Findings:
    """`callers` are those whose proof no longer holds, `rooms` pairs of user and room id without access, `users` the
    accounts as they are now."""

    callers: set[Caller] = field(default_factory=set)
    rooms: set[tuple[int, int]] = field(default_factory=set)
    users: dict[int, User] = field(default_factory=dict)


def check_access(callers: set[Caller], rooms: set[tuple[int, int]]) -> Findings:
    """Check every caller, and every (user id, room id) pair, against the database."""
    now = time.time()
    users = User.objects.in_bulk({caller.user.pk for caller in callers})
    invalid = {
        caller for caller in callers if caller.user.pk not in users or not still_valid(caller, now=now)
    }
    public = set(
        Room.objects.filter(pk__in={room_id for _, room_id in rooms}, kind=Room.Kind.PUBLIC).values_list(
            "pk", flat=True
        )
    )
    members = set(
        Membership.objects.filter(
            room_id__in={room_id for _, room_id in rooms}, user_id__in={user_id for user_id, _ in rooms}
        ).values_list("user_id", "room_id")
    )
    guests = {pk for pk, user in users.items() if user.is_guest}
    open_to_all = {
        (user_id, room_id) for user_id, room_id in rooms if room_id in public and user_id not in guests
    }
    return Findings(invalid, rooms - members - open_to_all, users)


class Sweeper:
    """The live sockets of one event loop."""

    def __init__(self) -> None:
        self._sockets: set[Swept] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, socket: Swept) -> None:
        """Check this socket from now on."""
        self._sockets.add(socket)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    def discard(self, socket: Swept) -> None:
        """Check it no more."""
        self._sockets.discard(socket)

    async def _run(self) -> None:
        while self._sockets:
            await asyncio.sleep(SWEEP_INTERVAL_S)
            try:
                await self.sweep()
            except DatabaseError:
                log.exception("access could not be checked")  # nobody is thrown out for an outage

    async def sweep(self) -> None:
        """Check all sockets once, and act on it."""
        sockets = list(self._sockets)
        callers = {socket: socket.caller for socket in sockets}
        rooms = {(socket.caller.user.pk, room_id) for socket in sockets for room_id in socket.room_ids()}
        found = await run_in_db(check_access, set(callers.values()), rooms)
        for socket in sockets:
            if socket not in self._sockets or socket.caller is not callers[socket]:
                continue  # gone, or renewed its proof meanwhile
            if socket.caller in found.callers:
                socket.end_access()
                continue
            user_id = socket.caller.user.pk
            for room_id in list(socket.room_ids()):
                if (user_id, room_id) in found.rooms:
                    socket.lose_room(room_id)
            # A new name shows in new messages.
            socket.caller = replace(socket.caller, user=found.users[user_id])


current_sweeper = PerLoop(Sweeper)
