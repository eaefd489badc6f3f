"""The list of open rooms as plain rows: what every client asks first, after a restart all of them at once.

It is `chat.selectors.open_rooms` in the order of `rooms_of`, written out: to compile the ORM's query took longer than
all else about the list. A test compares the two.
"""

from typing import NamedTuple

from chat.loop_database import Statement, current_loop_database
from chat.models import User

Key = tuple[int, str, int]
_BEFORE_ALL: Key = (-1, "", 0)
# A membership counts before a public room: `others` is 0 for one's own rooms and 1 for the rest.
_OPEN_ROOMS = Statement(
    "open_rooms",
    """
select room.*
from unnest($1::bigint[], $2::int[], $3::bigint[], $4::text[], $5::bigint[], $6::int[])
    as asked (user_id, is_guest, others, name, room_id, most)
cross join lateral (
    select * from (
        select own.id, own.name, own.topic, own.kind, own.version, 0 as others
        from chat_membership membership
        join chat_room own on own.id = membership.room_id
        where membership.user_id = asked.user_id and own.archived_at is null
        union all
        select other.id, other.name, other.topic, other.kind, other.version, 1
        from chat_room other
        where other.kind = 'public' and other.archived_at is null and asked.is_guest = 0
            and not exists (
                select from chat_membership membership
                where membership.room_id = other.id and membership.user_id = asked.user_id
            )
    ) listed
    where (listed.others, listed.name, listed.id) > (asked.others, asked.name, asked.room_id)
    order by listed.others, listed.name, listed.id
    limit asked.most
) room
order by room.others, room.name, room.id
""",
)


class _Columns(NamedTuple):
    id: int
    name: str
    topic: str
    kind: str
    version: int
    others: int


class OpenRoom(_Columns):
    """A room that is open to whoever asked for the list, read-only. `others` is 0 for a member's room, else 1."""

    __slots__ = ()

    pk = _Columns.id
    archived_at = None

    @property
    def key(self) -> Key:
        """Its place in the list."""
        return (self.others, self.name, self.id)


async def list_open_rooms(user: User, *, after: Key | None = None, limit: int) -> list[OpenRoom]:
    """Up to `limit` rooms of the user's list behind the place `after`: own rooms, then public ones, each by name."""
    others, name, room_id = after or _BEFORE_ALL
    rows = await current_loop_database().fetch(
        _OPEN_ROOMS, [user.pk], [int(user.is_guest)], [others], [name], [room_id], [limit]
    )
    return [OpenRoom._make(row) for row in rows]
