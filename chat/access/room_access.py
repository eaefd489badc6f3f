"""Who may read which room, for many pairs of user and room by one statement; joins of the same time share it.

The rule is that of `chat.selectors.rooms_readable_by`, written for pairs; a test compares the two.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from chat.batches import Batches
from chat.models import Room
from chat.per_loop import PerLoop

Pair = tuple[int, int]  # user id, room id

_READABLE = """
from unnest(%s::bigint[], %s::bigint[]) as asked (user_id, room_id)
join chat_user person on person.id = asked.user_id and person.is_active
join chat_room room on room.id = asked.room_id
left join chat_membership membership on membership.user_id = person.id and membership.room_id = room.id
where membership.id is not null or (room.kind = 'public' and not person.is_guest)
"""
_FIELDS = [field.attname for field in Room._meta.concrete_fields]
_COLUMNS = ", ".join(f"room.{field.column}" for field in Room._meta.concrete_fields)


@dataclass(frozen=True, slots=True)
class Access:
    """A room that the user may read, who is a member of it or not."""

    room: Room
    is_member: bool


def readable_pairs(pairs: Collection[Pair]) -> set[Pair]:
    """Those of the pairs whose user is active and may read the room. One query."""
    return set(_select("asked.user_id, asked.room_id", pairs)) if pairs else set()


def access_rooms(pairs: Sequence[Pair]) -> list[Access | None]:
    """What `chat.selectors.access_room` gives for each of the pairs, None where it raises NotFound. One query."""
    found = {
        (user_id, row[0]): Access(Room.from_db("default", _FIELDS, row), is_member)
        for user_id, is_member, *row in _select(
            f"asked.user_id, membership.id is not null, {_COLUMNS}", set(pairs)
        )
    }
    return [found.get(pair) for pair in pairs]


def _select(columns: str, pairs: Collection[Pair]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        # `columns` are constants of this module.
        cursor.execute(f"select {columns} {_READABLE}", [list(ids) for ids in zip(*pairs, strict=True)])
        return cursor.fetchall()


class RoomAccess:
    """The joins of one event loop. Get it with `current_room_access()`."""

    def __init__(self) -> None:
        self._reads: Batches[Pair, Access | None] = Batches.in_db(access_rooms)

    async def find(self, user_id: int, room_id: int) -> Access | None:
        """The room, if the user may read it.

        Raises:
            django.db.Error: the database does not say.
        """
        return await self._reads.ask((user_id, room_id))


current_room_access = PerLoop(RoomAccess)
