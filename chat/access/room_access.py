"""Who may read which room, for many pairs of user and room by one statement; joins of the same time share it.

The rule is that of `chat.selectors.rooms_readable_by`, written for pairs; a test compares the two.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from chat.batches import Batches
from chat.loop_database import Statement, current_loop_database, fetch
from chat.models import Room
from chat.per_loop import PerLoop

Pair = tuple[int, int]  # user id, room id

_READABLE = """
from unnest($1::bigint[], $2::bigint[]) as asked (user_id, room_id)
join chat_user person on person.id = asked.user_id and person.is_active
join chat_room room on room.id = asked.room_id
left join chat_membership membership on membership.user_id = person.id and membership.room_id = room.id
where membership.id is not null or (room.kind = 'public' and not person.is_guest)
"""
_FIELDS = [field.attname for field in Room._meta.concrete_fields]
_ROOM_COLUMNS = ", ".join(f"room.{field.column}" for field in Room._meta.concrete_fields)
_PAIRS = Statement("readable_pairs", f"select asked.user_id, asked.room_id {_READABLE}")
_ROOMS = Statement(
    "access_rooms", f"select asked.user_id, membership.id is not null, {_ROOM_COLUMNS} {_READABLE}"
)


@dataclass(frozen=True, slots=True)
class Access:
    """A room that the user may read, who is a member of it or not."""

    room: Room
    is_member: bool


def readable_pairs(pairs: Collection[Pair]) -> set[Pair]:
    """Those of the pairs whose user is active and may read the room. One query."""
    return set(fetch(_PAIRS, *_columns(pairs))) if pairs else set()


def access_rooms(pairs: Sequence[Pair]) -> list[Access | None]:
    """What `chat.selectors.access_room` gives for each of the pairs, None where it raises NotFound. One query."""
    return _accesses(pairs, fetch(_ROOMS, *_columns(set(pairs))))


async def access_rooms_soon(pairs: Sequence[Pair]) -> list[Access | None]:
    """`access_rooms` for an event loop, which sends the query itself."""
    return _accesses(pairs, await current_loop_database().fetch(_ROOMS, *_columns(set(pairs))))


def _columns(pairs: Collection[Pair]) -> list[Sequence[int]]:
    return list(zip(*pairs, strict=True))


def _accesses(pairs: Sequence[Pair], rows: Sequence[tuple[Any, ...]]) -> list[Access | None]:
    found = {
        (user_id, row[0]): Access(Room.from_db("default", _FIELDS, row), is_member)
        for user_id, is_member, *row in rows
    }
    return [found.get(pair) for pair in pairs]


class RoomAccess:
    """The joins of one event loop. Get it with `current_room_access()`."""

    def __init__(self) -> None:
        self._reads: Batches[Pair, Access | None] = Batches(access_rooms_soon)

    async def find(self, user_id: int, room_id: int) -> Access | None:
        """The room, if the user may read it.

        Raises:
            django.db.Error: the database does not say.
        """
        return await self._reads.ask((user_id, room_id))


current_room_access = PerLoop(RoomAccess)
