"""`room-updated`: each live member of a room is told when something changes there, whether the room is joined or not.

A process listens to the rooms of the users that it serves, and once in a while, for all changed rooms together, counts
what each of these users has not read. So a message costs no publish and no query per member, and a thousand messages
within a second are told of once.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from typing import Any, Protocol

from django.db import Error as DatabaseError
from django.db import connection

from chat.cancellation import is_cancelled
from chat.database import run_in_db
from chat.errors import Unavailable
from chat.live.delivery import RESYNC, Delivery
from chat.live.groups import MEMBERSHIPS, room_group
from chat.live.hub import current_hub
from chat.per_loop import PerLoop
from chat.unread import Pair, Standing, read_standings

log = logging.getLogger(__name__)
PAUSE_S = 1.0
PAUSE_PER_WORK = 20  # a round that takes long is followed by a pause that many times as long
PAUSE_MAX_S = 3.0
PAIRS_AT_ONCE = 2000
# After a restart everybody comes back: a row for each membership took most of the time.
_ROOMS = """
select room.id, room.version, array_agg(membership.user_id)
from chat_membership membership join chat_room room on room.id = membership.room_id
where membership.user_id = any(%s) group by room.id
"""
EMITS_AT_ONCE = 20  # then messages, which matter more, have their turn


class Client(Protocol):
    """A member's live connection."""

    @property
    def user_id(self) -> int: ...
    def emit(self, event: str, *arguments: Any) -> None: ...


class RoomUpdates:
    """The clients of one event loop, and what they have not been told yet."""

    def __init__(self) -> None:
        self._clients: dict[int, set[Client]] = {}  # by user id
        self._members: dict[int, set[int]] = {}  # ids of users who are here, by room id
        self._rooms: dict[str, int] = {}  # the groups that are listened to
        self._arrived: set[int] = set()  # users whose rooms are not known yet
        self._departed = False  # rooms may be without members here
        self._changed_rooms: set[int] = set()
        self._changed: set[Pair] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._listener: Callable[[Delivery], None] = self._hear  # one object: bound methods are made anew

    def add(self, client: Client) -> None:
        """Tell this client of its user's rooms."""
        clients = self._clients.setdefault(client.user_id, set())
        if not clients:
            self._arrived.add(client.user_id)
            self._wake.set()
        clients.add(client)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def discard(self, client: Client) -> None:
        """Tell it nothing more; no matter if it was not added."""
        clients = self._clients.get(client.user_id, set())
        clients.discard(client)
        if not clients and self._clients.pop(client.user_id, None) is not None:
            self._arrived.discard(client.user_id)
            self._departed = True
            self._wake.set()

    def members_of(self, room_id: int) -> set[int]:
        """Ids of the room's members who are here, and hear of what happens there."""
        return set(self._members.get(room_id, ()))

    # ------------------------------------------------------------------------------------------- hearing

    def _hear(self, delivery: Delivery) -> None:
        if delivery.group == MEMBERSHIPS:
            self._memberships_changed(delivery)
        elif delivery.version is not None or delivery.name == RESYNC:
            self._changed_rooms.add(self._rooms[delivery.group])
            self._wake.set()

    def _memberships_changed(self, delivery: Delivery) -> None:
        if delivery.name == RESYNC:
            self._arrived.update(self._clients)
        else:
            room_id = int(delivery.data["roomId"])
            users = self._clients.keys() & {int(user_id) for user_id in delivery.data["userIds"]}
            self._changed.update((user_id, room_id) for user_id in users)
        self._wake.set()

    # ------------------------------------------------------------------------------------------- telling

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while not is_cancelled():
            await self._wake.wait()
            self._wake.clear()
            begun_at, pause_s = loop.time(), PAUSE_S
            try:
                await self._tell_changes()
                pause_s = max(PAUSE_S, min(PAUSE_MAX_S, (loop.time() - begun_at) * PAUSE_PER_WORK))
            except (DatabaseError, Unavailable) as error:
                log.warning("members could not be told of changes, which is tried again: %s", error)
                self._wake.set()
            except Exception:  # nobody here would hear of anything again if this task ended
                log.exception("members could not be told of changes")
            await asyncio.sleep(pause_s)

    async def _tell_changes(self) -> None:
        await current_hub().listen(MEMBERSHIPS, self._listener)
        await self._learn_rooms()
        await self._forget_rooms()
        pairs = self._changed
        for room_id in self._changed_rooms:
            pairs.update((user_id, room_id) for user_id in self._members.get(room_id, ()))
        self._changed, self._changed_rooms = set(), set()
        while pairs:
            some = {pairs.pop() for _ in range(min(len(pairs), PAIRS_AT_ONCE))}
            try:
                standings = await run_in_db(read_standings, some)
            except DatabaseError:
                self._changed |= some | pairs
                raise
            await self._take(some, standings)

    async def _take(self, pairs: Collection[Pair], standings: Iterable[Standing]) -> None:
        """Follow memberships that began and ended, and tell the clients."""
        members: set[Pair] = set()
        for n, standing in enumerate(standings):
            if n % EMITS_AT_ONCE == 0:
                await asyncio.sleep(0)
            members.add((standing.user_id, standing.room_id))
            self._tell(standing)
        for user_id, room_id in pairs:
            if (user_id, room_id) not in members:
                self._members.get(room_id, set()).discard(user_id)
                self._departed = True
            elif user_id not in self._members.get(room_id, ()):
                self._arrived.add(user_id)  # a room that is not listened to
                self._wake.set()

    def _tell(self, standing: Standing) -> None:
        news = {"roomId": str(standing.room_id), "version": standing.version, "unread": standing.unread}
        for client in list(self._clients.get(standing.user_id, ())):
            client.emit("room-updated", news)

    # --------------------------------------------------------------------------------- which rooms to hear

    async def _learn_rooms(self) -> None:
        """Listen to the rooms of who has come. What is posted before that is seen to be missing by its version."""
        arrived, self._arrived = self._arrived, set()
        if not arrived:
            return
        hub = current_hub()
        try:
            for room_id, (version, user_ids) in (await run_in_db(_rooms_of, arrived)).items():
                group = room_group(room_id)
                self._rooms[group] = room_id
                await hub.listen(group, self._listener)
                hub.note_floor(group, version)
                self._members.setdefault(room_id, set()).update(user_ids & self._clients.keys())
        except (DatabaseError, Unavailable):
            self._arrived |= arrived & self._clients.keys()
            raise

    async def _forget_rooms(self) -> None:
        """Do not listen to rooms any more of which nobody is here."""
        if not self._departed:
            return
        self._departed = False
        for group, room_id in list(self._rooms.items()):
            members = self._members.get(room_id, set())
            members &= self._clients.keys()
            if not members:
                self._members.pop(room_id, None)
                del self._rooms[group]
                await current_hub().stop_listening(group, self._listener)


def _rooms_of(user_ids: Collection[int]) -> dict[int, tuple[int, set[int]]]:
    """The rooms of which these users are members, by id: the room's version, and who of them."""
    with connection.cursor() as cursor:
        cursor.execute(_ROOMS, [list(user_ids)])
        return {room_id: (version, set(members)) for room_id, version, members in cursor.fetchall()}


current_room_updates = PerLoop(RoomUpdates)
