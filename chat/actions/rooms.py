"""Rooms and memberships. Each change of a room is a system message in it, so that `version` counts it."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.utils import timezone

from chat.actions.steps import add_message
from chat.errors import BadInput, Conflict, Forbidden, NotFound
from chat.models import Membership, Message, Room, User
from chat.selectors import NO_USER, access_room, parse_id, unread_count, users_visible_to

NAME_MAX_CHARACTERS = 80
_MANAGERS = (Membership.Role.OWNER, Membership.Role.MODERATOR)


def _say(room: Room, user: User, text: str) -> None:
    add_message(room, user, text, kind=Message.Kind.SYSTEM, status=Message.Status.FINAL)


def _check_name(name: str) -> str:
    clean = " ".join(name.replace("\x00", "").split()).lstrip("#")
    if not 0 < len(clean) <= NAME_MAX_CHARACTERS:
        raise BadInput(
            "That name cannot be used.", fields={"name": f"must have 1 to {NAME_MAX_CHARACTERS} characters"}
        )
    return clean


def _require_manager(room: Room, user: User) -> None:
    manages = Membership.objects.filter(room=room, user=user, role__in=_MANAGERS).exists()
    if not manages and not user.is_superuser:
        raise Forbidden("Only an owner or moderator of the room can do that.")


def create_room(
    user: User, *, name: str, kind: str = Room.Kind.PUBLIC, topic: str = "", member_ids: Iterable[object] = ()
) -> Room:
    """A room owned by `user`, with the given people as members.

    Raises:
        Forbidden: guests create no rooms. BadInput: the name or kind. Conflict: the name is taken. NotFound: a member.
    """
    if user.is_guest:
        raise Forbidden("Guests cannot create rooms.")
    if kind not in (Room.Kind.PUBLIC, Room.Kind.PRIVATE):
        raise BadInput("That kind of room cannot be created.", fields={"kind": "must be PUBLIC or PRIVATE"})
    people = [_visible_user(user, member_id) for member_id in member_ids]
    try:
        with transaction.atomic(durable=True):
            room = Room.objects.create(
                name=_check_name(name), kind=kind, topic=topic.strip()[:250], created_by=user
            )
            Membership.objects.create(room=room, user=user, role=Membership.Role.OWNER)
            Membership.objects.bulk_create(
                [
                    Membership(room=room, user=person, role=_role(person))
                    for person in people
                    if person != user
                ],
                ignore_conflicts=True,
            )
            _say(room, user, "created the room")
    except IntegrityError:
        raise Conflict("There is a room with that name already.", fields={"name": "is taken"}) from None
    return room


def _role(user: User) -> str:
    return Membership.Role.GUEST if user.is_guest else Membership.Role.MEMBER


def _visible_user(user: User, user_id: object) -> User:
    person = users_visible_to(user).filter(pk=parse_id(user_id, NO_USER)).first()
    if person is None:
        raise NotFound(NO_USER)
    return person


def open_direct_room(user: User, *, other_id: object) -> Room:
    """The direct room of two users, made if it is not there.

    Raises:
        NotFound: the other is not visible to `user`.
    """
    other = _visible_user(user, other_id)
    with transaction.atomic(durable=True):
        # The lock on the lower id makes two simultaneous first calls wait for each other.
        list(User.objects.select_for_update().filter(pk__in=(user.pk, other.pk)).order_by("pk"))
        rooms = Room.objects.filter(kind=Room.Kind.DIRECT, memberships__user=user)
        room = rooms.filter(pk__in=Membership.objects.filter(user=other).values("room_id")).first()
        if room is None:
            names = ", ".join(sorted({str(user), str(other)}))
            room = Room.objects.create(
                name=names[:NAME_MAX_CHARACTERS], kind=Room.Kind.DIRECT, created_by=user
            )
            Membership.objects.bulk_create([Membership(room=room, user=person) for person in {user, other}])
    return room


def update_room(user: User, *, room_id: object, name: str | None = None, topic: str | None = None) -> Room:
    """Rename a room or set its topic; None leaves a value as it is.

    Raises:
        NotFound, Forbidden, BadInput, Conflict: the name is taken.
    """
    try:
        with transaction.atomic(durable=True):
            room = access_room(user, room_id, lock=True)
            _require_manager(room, user)
            if name is not None and _check_name(name) != room.name:
                room.name = _check_name(name)
                room.save(update_fields=["name"])
                _say(room, user, f"renamed the room to {room.name}")
            if topic is not None and topic.strip() != room.topic:
                room.topic = topic.strip()[:250]
                room.save(update_fields=["topic"])
                _say(room, user, f"set the topic: {room.topic}" if room.topic else "cleared the topic")
    except IntegrityError:
        raise Conflict("There is a room with that name already.", fields={"name": "is taken"}) from None
    return room


def archive_room(user: User, *, room_id: object) -> Room:
    """Close a room for posts; it stays readable. Archiving twice is no error."""
    with transaction.atomic(durable=True):
        room = access_room(user, room_id, lock=True)
        _require_manager(room, user)
        if room.archived_at is None:
            room.archived_at = timezone.now()
            room.save(update_fields=["archived_at"])
            _say(room, user, "archived the room")
    return room


def join_room(user: User, *, room_id: object) -> Room:
    """Membership of a readable room; being a member already is no error.

    Raises:
        NotFound: the room is not open to the user.
    """
    with transaction.atomic(durable=True):
        room = access_room(user, room_id, lock=True)
        _, made = Membership.objects.get_or_create(
            room=room, user=user, defaults={"role": _role(user), "last_read_version": room.version}
        )
        if made:
            _say(room, user, "joined")
    return room


def leave_room(user: User, *, room_id: object) -> bool:
    """End one's membership; false if there was none."""
    with transaction.atomic(durable=True):
        room = access_room(user, room_id, lock=True)
        membership = Membership.objects.filter(room=room, user=user)
        if not membership.exists():
            return False
        if room.kind == Room.Kind.DIRECT:
            raise Conflict("A direct conversation cannot be left.")
        _say(room, user, "left")
        membership.delete()
    return True


def add_member(
    user: User, *, room_id: object, user_id: object, role: str = Membership.Role.MEMBER
) -> Membership:
    """Make somebody a member, or change a member's role.

    Raises:
        NotFound, Forbidden: not an owner or moderator. Conflict: a direct room.
    """
    person = _visible_user(user, user_id)
    with transaction.atomic(durable=True):
        room = access_room(user, room_id, lock=True)
        _require_manager(room, user)
        if room.kind == Room.Kind.DIRECT:
            raise Conflict("Nobody can be added to a direct conversation.")
        defaults = {"role": Membership.Role.GUEST if person.is_guest else role}
        membership, made = Membership.objects.update_or_create(room=room, user=person, defaults=defaults)
        if made:
            _say(room, user, f"added {person}")
    return membership


def remove_member(user: User, *, room_id: object, user_id: object) -> bool:
    """End somebody's membership; false if there was none.

    Raises:
        NotFound, Forbidden: not an owner or moderator.
    """
    with transaction.atomic(durable=True):
        room = access_room(user, room_id, lock=True)
        _require_manager(room, user)
        membership = (
            Membership.objects.filter(room=room, user_id=parse_id(user_id, NO_USER))
            .select_related("user")
            .first()
        )
        if membership is None or room.kind == Room.Kind.DIRECT:
            return False
        membership.delete()
        _say(room, user, f"removed {membership.user}")
    return True


def mark_read(user: User, *, room_id: object, version: int) -> int:
    """Note that everything up to `version` was read; never goes back. The number of messages still unread.

    Raises:
        NotFound, Forbidden: not a member. BadInput: the version is not one of the room's.
    """
    with transaction.atomic(durable=True):
        room = access_room(user, room_id)
        membership = Membership.objects.select_for_update().filter(room=room, user=user).first()
        if membership is None:
            raise Forbidden("Join the room first.")
        if not 0 <= version <= room.version:
            raise BadInput(
                "That is not a version of this room.",
                fields={"version": f"must lie between 0 and {room.version}"},
            )
        if version > membership.last_read_version:
            membership.last_read_version = version
            membership.save(update_fields=["last_read_version"])
        return unread_count(membership)
