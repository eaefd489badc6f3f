"""How much of a room its members have not read: messages of others after the version that they have read.

They are counted among the newest 1000 of the room that are not deleted, whoever asks and by whatever transport: a room
that somebody never looks at must not cost more with each message.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Count, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery

from chat.models import Membership, Mention, Message, Room, User

NEWEST_MESSAGES = 1000
Pair = tuple[int, int]  # user id, room id

_MEMBERSHIPS = """
select membership.user_id, membership.room_id, room.version, membership.last_read_version
from unnest(%s::bigint[], %s::bigint[]) as pair (user_id, room_id)
join chat_membership membership using (user_id, room_id)
join chat_room room on room.id = membership.room_id
"""
_NEWS = """
select wanted.room_id, news.posted_version, news.author_id
from unnest(%s::bigint[], %s::bigint[]) as wanted (room_id, read_version)
cross join lateral (
    select posted_version, author_id
    from chat_message
    where room_id = wanted.room_id and posted_version > wanted.read_version and deleted_at is null
    order by posted_version desc
    limit %s
) news
"""


class _CountTrue(Subquery):
    """Of rows with one column `counts`, how many have it true."""

    template = "(SELECT count(*) FILTER (WHERE news.counts) FROM (%(subquery)s) news)"
    output_field = IntegerField()


def _newest(room: Any, read_version: Any) -> QuerySet[Message]:
    """The messages of the room after that version, newest first."""
    after = Message.objects.filter(room=room, posted_version__gt=read_version, deleted_at__isnull=True)
    return after.order_by("-posted_version")


def unread_count(membership: Membership) -> int:
    """How many messages of the room its member has not read."""
    newest = _newest(membership.room_id, membership.last_read_version)[:NEWEST_MESSAGES]
    count: int = newest.aggregate(n=Count("pk", filter=~Q(author_id=membership.user_id)))["n"]
    return count


def with_unread(rooms: QuerySet[Room], user: User | None) -> QuerySet[Any]:
    """The rooms, each with `unread` and, of those, `mention_count`: messages that name the user.

    Both are 0 where the user is no member, and for None, nobody.
    """
    membership = Membership.objects.filter(room=OuterRef("pk"), user=user)
    newest = _newest(OuterRef("pk"), OuterRef("read"))
    by_others = newest.annotate(counts=~Q(author=user))
    named = Exists(Mention.objects.filter(message=OuterRef("pk"), user=user))
    naming = newest.annotate(counts=~Q(author=user) & Q(named))
    return rooms.annotate(read=Subquery(membership.values("last_read_version"))).annotate(
        unread=_CountTrue(by_others.values("counts")[:NEWEST_MESSAGES]),
        mention_count=_CountTrue(naming.values("counts")[:NEWEST_MESSAGES]),
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """A member's room: its version, and how many messages of others the member has not read."""

    user_id: int
    room_id: int
    version: int
    unread: int


class _News:
    """The newest messages of a room, by their places in it."""

    def __init__(self) -> None:
        self._all: list[int] = []
        self._by_author: defaultdict[int, list[int]] = defaultdict(list)

    def add(self, place: int, author_id: int) -> None:
        self._all.append(place)
        self._by_author[author_id].append(place)

    def sort(self) -> None:
        for places in (self._all, *self._by_author.values()):
            places.sort()

    def unread(self, user_id: int, read: int) -> int:
        own = self._by_author.get(user_id, [])
        return len(self._all) - bisect_right(self._all, read) - len(own) + bisect_right(own, read)


def read_standings(pairs: Collection[Pair]) -> list[Standing]:
    """Standings of (user id, room id) pairs, in no order; a pair that is no membership is left out. Two queries."""
    with connection.cursor() as cursor:
        cursor.execute(_MEMBERSHIPS, [[user_id for user_id, _ in pairs], [room_id for _, room_id in pairs]])
        memberships = cursor.fetchall()
        read_by_all: dict[int, int] = {}
        for _, room_id, version, read in memberships:
            read_by_all[room_id] = min(read, read_by_all.get(room_id, version))
        cursor.execute(_NEWS, [list(read_by_all), list(read_by_all.values()), NEWEST_MESSAGES])
        news = _collect(cursor.fetchall())
    return [
        Standing(user_id, room_id, version, news[room_id].unread(user_id, read))
        for user_id, room_id, version, read in memberships
    ]


def _collect(rows: Iterable[tuple[int, int, int]]) -> defaultdict[int, _News]:
    rooms: defaultdict[int, _News] = defaultdict(_News)
    for room_id, place, author_id in rows:
        rooms[room_id].add(place, author_id)
    for news in rooms.values():
        news.sort()
    return rooms
