"""Reading. A selector that takes a Room trusts it: holding a Room is the permission, and `access_room` gives it out."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from chat.errors import NotFound
from chat.models import Membership, Message, Room, User

NO_ROOM = "There is no such room, or it is not open to you."
NO_MESSAGE = "There is no such message, or it is not open to you."
NO_USER = "There is no such user, or he or she is not visible to you."


def parse_id(value: object, message: str) -> int:
    """A database id from what a client sent.

    Raises:
        NotFound: with `message` for anything that cannot be an id.
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise NotFound(message)
    digits = str(value)
    if not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        raise NotFound(message)
    return int(digits)


def rooms_readable_by(user: User) -> QuerySet[Room]:
    """Rooms the user is a member of and, unless the account is a guest's, every public one."""
    mine = Q(pk__in=Membership.objects.filter(user=user).values("room_id"))
    return Room.objects.filter(mine if user.is_guest else mine | Q(kind=Room.Kind.PUBLIC))


def access_room(user: User, room_id: object, *, lock: bool = False) -> Room:
    """The room, if the user may read it; with `lock` under its row lock until the transaction ends.

    Raises:
        NotFound: absent, or not for this user.
    """
    rooms = rooms_readable_by(user)
    if lock:
        rooms = rooms.select_for_update(no_key=True, of=("self",))
    room = rooms.filter(pk=parse_id(room_id, NO_ROOM)).first()
    if room is None or not user.is_active:
        raise NotFound(NO_ROOM)
    return room


def access_message(user: User, message_id: object) -> Message:
    """The message with its author, if the user may read its room.

    Raises:
        NotFound: absent, or not for this user.
    """
    message = (
        Message.objects.select_related("author", "room")
        .filter(pk=parse_id(message_id, NO_MESSAGE), room__in=rooms_readable_by(user))
        .first()
    )
    if message is None:
        raise NotFound(NO_MESSAGE)
    return message


def users_visible_to(user: User) -> QuerySet[User]:
    """Active users; to a guest only those who share a room with him or her."""
    people = User.objects.filter(is_active=True)
    if not user.is_guest:
        return people
    shared = Membership.objects.filter(room__memberships__user=user).values("user_id")
    return people.filter(Q(pk=user.pk) | Q(pk__in=shared) | Q(is_bot=True))


def rooms_of(user: User) -> QuerySet[Room]:
    """Readable rooms for a list, own ones first.

    Each has `is_member`, and `unread` and `mention_count`, which are 0 where the user is not a member.
    """
    membership = Membership.objects.filter(room=OuterRef("pk"), user=user)
    news = Message.objects.filter(
        room=OuterRef("pk"), posted_version__gt=OuterRef("read"), deleted_at__isnull=True
    ).exclude(author=user)
    counted = news.order_by().values("room")
    return (
        rooms_readable_by(user)
        .filter(archived_at__isnull=True)
        .annotate(read=Subquery(membership.values("last_read_version")))
        .annotate(
            is_member=Q(read__isnull=False),
            unread=Coalesce(Subquery(counted.annotate(n=Count("pk")).values("n")), 0),
            mention_count=Coalesce(
                Subquery(counted.filter(mentions__user=user).annotate(n=Count("pk")).values("n")), 0
            ),
        )
        .order_by("-is_member", "name", "pk")
    )


def memberships_of(room: Room) -> QuerySet[Membership]:
    """Active members of the room with their users, by name."""
    return (
        Membership.objects.filter(room=room, user__is_active=True)
        .select_related("user")
        .order_by("user__username", "pk")
    )


def messages_of(room: Room) -> QuerySet[Message]:
    """The room's messages with their authors, oldest first."""
    return Message.objects.filter(room=room).select_related("author").order_by("posted_version")


def latest_messages(room: Room, *, limit: int = 50, before: int | None = None) -> list[Message]:
    """The last `limit` messages (posted before version `before`, if given), oldest first."""
    newest_first = messages_of(room).order_by("-posted_version")
    if before is not None:
        newest_first = newest_first.filter(posted_version__lt=before)
    return list(newest_first[:limit])[::-1]


def changes_since(room: Room, version: int, *, limit: int = 500) -> list[Message]:
    """Messages changed after `version`, in the order of their versions; at most `limit`, so ask again from the last."""
    return list(
        Message.objects.filter(room=room, version__gt=version)
        .select_related("author")
        .order_by("version")[:limit]
    )


def human_member_ids(room: Room) -> set[int]:
    """Ids of the people (not bots) who are active members of the room."""
    return set(
        Membership.objects.filter(room=room, user__is_active=True, user__is_bot=False).values_list(
            "user_id", flat=True
        )
    )


def user_payload(user: User) -> dict[str, Any]:
    """The wire form of a message's author."""
    return {
        "id": str(user.pk),
        "username": user.username,
        "displayName": user.display_name or user.username,
        "isBot": user.is_bot,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


def message_payload(message: Message) -> dict[str, Any]:
    """The wire form of a message, the same in events, acks and pages. Needs `author` loaded."""
    error = {"code": message.error_code, "message": message.error_message} if message.error_code else None
    return {
        "id": str(message.pk),
        "roomId": str(message.room_id),
        "version": message.version,
        "kind": message.kind,
        "author": user_payload(message.author),
        "text": message.text,
        "html": message.html,
        "status": message.status,
        "error": error,
        "citations": message.citations,
        "reactions": [],
        "parentId": str(message.parent_id) if message.parent_id else None,
        "clientId": message.client_id,
        "deltaIndex": message.delta_index,
        "createdAt": _iso(message.created_at),
        "editedAt": _iso(message.edited_at),
        "deletedAt": _iso(message.deleted_at),
    }


def room_payload(room: Room) -> dict[str, Any]:
    """The wire form of a room."""
    return {
        "id": str(room.pk),
        "name": room.name,
        "topic": room.topic,
        "kind": room.kind,
        "version": room.version,
        "archivedAt": _iso(room.archived_at),
    }


def users_by_id(ids: Iterable[int]) -> dict[int, User]:
    """Users by id in one query; absent ids are left out."""
    return User.objects.in_bulk(list(ids))


def find_bot(username: str) -> User:
    """The bot with that name, any case.

    Raises:
        NotFound: no active bot has the name.
    """
    bot = (
        User.objects.filter(username__iexact=username, is_bot=True, is_active=True)
        .exclude(bot_task="")
        .first()
    )
    if bot is None:
        raise NotFound("There is no assistant with that name.")
    return bot


def messages_before(message: Message, *, limit: int) -> Sequence[Message]:
    """The history of a question: up to `limit` finished messages of its room posted before it, oldest first."""
    earlier = (
        messages_of(message.room)
        .filter(
            posted_version__lt=message.posted_version, deleted_at__isnull=True, status=Message.Status.FINAL
        )
        .order_by("-posted_version")
    )
    return list(earlier[:limit])[::-1]


def unread_count(membership: Membership) -> int:
    """Messages by others that were posted after the last version read."""
    return (
        Message.objects.filter(
            room_id=membership.room_id,
            posted_version__gt=F("room__memberships__last_read_version"),
            room__memberships=membership,
            deleted_at__isnull=True,
        )
        .exclude(author_id=membership.user_id)
        .count()
    )


def find_message(message_id: int) -> Message | None:
    """The message with author and room, for a job, which acts for no user and so has no access to ask for."""
    return Message.objects.select_related("author", "room").filter(pk=message_id).first()
