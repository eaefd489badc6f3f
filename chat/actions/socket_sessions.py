"""What recoverable Socket.IO clients have joined (`chat.recovery`). Nothing here is announced."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from chat.models import SocketSession, User

SESSION_LASTS = timedelta(days=1)  # since it was last written or kept


def begin_socket_session(user: User, *, pid: str, sid: str, rooms: Mapping[int, int]) -> None:
    """The first row of a session; `rooms` are versions at the join, by room id."""
    with transaction.atomic(durable=True):
        SocketSession.objects.create(pid=pid, sid=sid, user=user, rooms=_wire(rooms))


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


def keep_socket_sessions(pids: Collection[str]) -> int:
    """Note that these sessions are live, and remove those that have not been for a day. The number removed."""
    with transaction.atomic(durable=True):
        SocketSession.objects.filter(pid__in=pids).update(updated_at=Now())
        removed, _ = SocketSession.objects.filter(updated_at__lt=Now() - SESSION_LASTS).delete()
    return removed


def _wire(rooms: Mapping[int, int]) -> dict[str, int]:
    return {str(room_id): version for room_id, version in rooms.items()}
