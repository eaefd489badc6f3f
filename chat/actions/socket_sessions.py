"""What recoverable Socket.IO clients have joined (`chat.main_namespace.recovery`). Nothing here is announced."""

import json
from collections.abc import Collection, Mapping
from datetime import timedelta

from django.db import connection, transaction
from django.db.models.functions import Now

from chat.models import SocketSession, User

SESSION_LASTS = timedelta(days=1)  # since it was last written or kept
SESSIONS_MAX = 100  # of a user: who comes and goes without an end leaves no more
REMOVED_AT_ONCE = 1000
# Both parts see the table as it was before, so the new row is none of those that are counted.
_BEGIN = """
with extra as (
    select pid from chat_socketsession where user_id = %(user)s and pid <> %(pid)s
    order by updated_at desc offset %(kept)s limit 100 for update skip locked
), removed as (
    delete from chat_socketsession using extra where chat_socketsession.pid = extra.pid
)
insert into chat_socketsession as mine (pid, sid, user_id, rooms, updated_at)
values (%(pid)s, %(sid)s, %(user)s, %(rooms)s::jsonb, now())
on conflict (pid) do update set rooms = excluded.rooms, updated_at = excluded.updated_at
where mine.sid = excluded.sid
"""


def begin_socket_session(user: User, *, pid: str, sid: str, rooms: Mapping[int, int]) -> bool:
    """The first row of a session; `rooms` are versions at the join, by room id. False if another socket has the row.

    Again changes it: the answer of the first time may have been lost. The newest `SESSIONS_MAX` rows of the user stay.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(
            _BEGIN,
            {
                "pid": pid,
                "sid": sid,
                "user": user.pk,
                "rooms": json.dumps(_wire(rooms)),
                "kept": SESSIONS_MAX - 1,
            },
        )
        return cursor.rowcount == 1


def change_socket_session(*, pid: str, sid: str, rooms: Mapping[int, int]) -> bool:
    """Replace the session's rooms; false if another socket has taken it over, or it is gone."""
    with transaction.atomic(durable=True):
        own = SocketSession.objects.filter(pid=pid, sid=sid)
        return own.update(rooms=_wire(rooms), updated_at=Now()) == 1


def take_over_socket_session(user: User, *, pid: str, sid: str, rooms: Mapping[int, int]) -> bool:
    """Make another socket the session's writer, in these rooms; false if the user has no such session any more."""
    with transaction.atomic(durable=True):
        found = SocketSession.objects.filter(pid=pid, user=user)
        return found.update(sid=sid, rooms=_wire(rooms), updated_at=Now()) == 1


def end_socket_session(*, pid: str, sid: str) -> None:
    """Forget the session, unless another socket has taken it over."""
    with transaction.atomic(durable=True):
        SocketSession.objects.filter(pid=pid, sid=sid).delete()


def keep_socket_sessions(pids: Collection[str]) -> None:
    """Note that these sessions are live."""
    with transaction.atomic(durable=True):
        SocketSession.objects.filter(pid__in=pids).update(updated_at=Now())


def remove_old_socket_sessions() -> int:
    """Remove some of those that have not been live for a day: `REMOVED_AT_ONCE` at most. The number removed."""
    with transaction.atomic(durable=True):
        old = SocketSession.objects.filter(updated_at__lt=Now() - SESSION_LASTS)
        # Another process may be removing them, too: each takes what the others have not.
        some = old.select_for_update(skip_locked=True).values_list("pid", flat=True)[:REMOVED_AT_ONCE]
        removed, _ = SocketSession.objects.filter(pid__in=list(some)).delete()
    return removed


def _wire(rooms: Mapping[int, int]) -> dict[str, int]:
    return {str(room_id): version for room_id, version in rooms.items()}
