"""Reading. A selector that takes a Room trusts it: holding a Room is the permission, and `access_room` gives it out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.db.models import Q, QuerySet

from chat.errors import NotFound
from chat.models import Attachment, Membership, Message, Room, User
from chat.text import clean_line
from chat.unread import with_unread

PAGE_MESSAGES = 500  # of who catches up with a room: what is read at once
NO_ROOM = "There is no such room, or it is not open to you."
NO_MESSAGE = "There is no such message, or it is not open to you."
NO_ATTACHMENT = "There is no such file, or it is not open to you."
NO_USER = "There is no such user, or he or she is not visible to you."
MANAGERS = (Membership.Role.OWNER, Membership.Role.MODERATOR)


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


def access_message(user: User, message_id: object, *, lock: bool = False) -> Message:
    """The message with its author and room, if the user may read its room.

    With `lock` it is read under its room's lock, which `message.room` then is the holder of, and its own.

    Raises:
        NotFound: absent, or not for this user.
    """
    pk = parse_id(message_id, NO_MESSAGE)
    if lock:
        return _lock_message(user, pk)
    messages = Message.objects.select_related("author", "room")
    message = messages.filter(pk=pk, room__in=rooms_readable_by(user)).first()
    if message is None or not user.is_active:
        raise NotFound(NO_MESSAGE)
    return message


def _lock_message(user: User, pk: int) -> Message:
    room_ids = Message.objects.filter(pk=pk).values("room_id")
    rooms = rooms_readable_by(user).select_for_update(no_key=True, of=("self",))
    room = rooms.filter(pk__in=room_ids).first()
    messages = Message.objects.select_related("author").select_for_update(no_key=True, of=("self",))
    message = messages.filter(pk=pk, room=room).first()
    if room is None or message is None or not user.is_active:
        raise NotFound(NO_MESSAGE)
    message.room = room
    return message


def access_attachment(user: User, attachment_id: object) -> Attachment:
    """The file, if the user may read the room of the message it was posted with; before that, if it is his or hers.

    Raises:
        NotFound: absent, or not for this user.
    """
    pk = parse_id(attachment_id, NO_ATTACHMENT)
    posted_or_own = Q(message__isnull=False, message__deleted_at=None) | Q(message=None, owner=user)
    found = Attachment.objects.filter(posted_or_own, pk=pk, room__in=rooms_readable_by(user)).first()
    if found is None or not user.is_active:
        raise NotFound(NO_ATTACHMENT)
    return found


def users_visible_to(user: User) -> QuerySet[User]:
    """Active users; to a guest only those who share a room with him or her, and every bot.

    Bots answer wherever they are mentioned, so a guest has to see whom to ask; see docs/security.md.
    """
    people = User.objects.filter(is_active=True)
    if not user.is_guest:
        return people
    shared = Membership.objects.filter(room__memberships__user=user).values("user_id")
    return people.filter(Q(pk=user.pk) | Q(pk__in=shared) | Q(is_bot=True))


def access_user(user: User, other_id: object) -> User:
    """The other user, if `user` can see him or her.

    Raises:
        NotFound: absent, or not visible to this user.
    """
    other = users_visible_to(user).filter(pk=parse_id(other_id, NO_USER)).first()
    if other is None:
        raise NotFound(NO_USER)
    return other


def is_manager(user: User, membership: Membership | None) -> bool:
    """Whether who has that membership of a room (None: none) acts on what others do there: `manages_room`."""
    return user.is_superuser or (membership is not None and membership.role in MANAGERS)


def manages_room(user: User, room: Room) -> bool:
    """Whether the user is an owner or moderator of the room, or an admin."""
    return is_manager(user, Membership.objects.filter(room=room, user=user).first())


def open_rooms(user: User) -> QuerySet[Any]:
    """Readable rooms that are not archived, each with `is_member`, which mypy cannot know of; in no order."""
    own = Membership.objects.filter(user=user).values("room_id")
    return rooms_readable_by(user).filter(archived_at=None).annotate(is_member=Q(pk__in=own))


def rooms_of(user: User) -> QuerySet[Any]:
    """`open_rooms` for a list, own ones first.

    Each has `unread` and `mention_count`, too (`chat.unread`).
    """
    return with_unread(open_rooms(user), user).order_by("-is_member", "name", "pk")


def memberships_of(room: Room) -> QuerySet[Membership]:
    """Active members of the room with their users, by name."""
    return (
        Membership.objects.filter(room=room, user__is_active=True)
        .select_related("user")
        .order_by("user__username", "pk")
    )


def mentionable_users(room: Room) -> list[User]:
    """Who can be named in the room: its bots, its people, and then every other bot: a mention calls it in."""
    members = [membership.user for membership in memberships_of(room)]
    elsewhere = User.objects.filter(is_bot=True, is_active=True).exclude(pk__in=[user.pk for user in members])
    return [*sorted(members, key=lambda user: not user.is_bot), *elsewhere.order_by("username")]


def messages_of(room: Room) -> QuerySet[Message]:
    """The room's messages with their authors, oldest first."""
    return Message.objects.filter(room=room).select_related("author").order_by("posted_version")


def latest_messages(room: Room, *, limit: int = 50, before: int | None = None) -> list[Message]:
    """The last `limit` messages (posted before version `before`, if given), oldest first."""
    newest_first = messages_of(room).order_by("-posted_version")
    if before is not None:
        newest_first = newest_first.filter(posted_version__lt=before)
    return list(newest_first[:limit])[::-1]


def changes_since(room: Room, version: int, *, limit: int = PAGE_MESSAGES) -> list[Message]:
    """Messages changed after `version`, in the order of their versions; at most `limit`, so ask again from the last."""
    return list(
        Message.objects.filter(room=room, version__gt=version)
        .select_related("author")
        .order_by("version")[:limit]
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


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message that a person just posted, as `message_payload` wants it. To make the row costs five times as much."""

    pk: int
    room_id: int
    version: int
    author: User
    client_id: str
    text: str
    html: str
    parent_id: int | None
    attachments: Sequence[dict[str, Any]]
    created_at: datetime
    kind: ClassVar[str] = Message.Kind.PERSON.value
    status: ClassVar[str] = Message.Status.FINAL.value
    error_code: ClassVar[str] = ""
    error_message: ClassVar[str] = ""
    citations: ClassVar[Sequence[Any]] = []
    reactions: ClassVar[Sequence[Any]] = []
    delta_index: ClassVar[int] = 0
    edited_at: ClassVar[datetime | None] = None
    deleted_at: ClassVar[datetime | None] = None


def message_payload(message: Message | NewMessage) -> dict[str, Any]:
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
        "reactions": message.reactions,
        "attachments": message.attachments,
        "parentId": str(message.parent_id) if message.parent_id else None,
        "clientId": message.client_id,
        "deltaIndex": message.delta_index,
        "createdAt": _iso(message.created_at),
        "editedAt": _iso(message.edited_at),
        "deletedAt": _iso(message.deleted_at),
    }


def attachment_payload(attachment: Attachment) -> dict[str, Any]:
    """The wire form of a file: part of its message's, once that is posted."""
    return {
        "id": str(attachment.pk),
        "filename": attachment.filename,
        "mediaType": attachment.media_type,
        "sizeBytes": attachment.size_bytes,
        "url": f"/attachments/{attachment.pk}/",
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
        User.objects.filter(username__iexact=clean_line(username), is_bot=True, is_active=True)
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


def find_message(message_id: int) -> Message | None:
    """The message with author and room, for a job, which acts for no user and so has no access to ask for."""
    return Message.objects.select_related("author", "room").filter(pk=message_id).first()
