"""Rooms. Each change of a room is a system message in it, so that `version` counts it."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils import timezone

from chat.actions.steps import say
from chat.errors import BadInput, Conflict, Forbidden
from chat.events import MembershipsChanged, publish_on_commit
from chat.models import Membership, Room, User
from chat.selectors import access_room, access_user, manages_room
from chat.text import NAME_MAX_CHARACTERS, check_line, check_name, clean_line

TOPIC_MAX_CHARACTERS = 250


def _check_room_name(name: str) -> str:
    return check_name(clean_line(name).lstrip("# "))


def _check_topic(topic: str) -> str:
    return check_line(topic, field="topic", max_characters=TOPIC_MAX_CHARACTERS)


def require_manager(room: Room, user: User) -> None:
    """Raises Forbidden unless the user is an owner or moderator of the room, or an admin."""
    if not manages_room(user, room):
        raise Forbidden("Only an owner or moderator of the room can do that.")


def create_room(
    user: User, *, name: str, kind: str = Room.Kind.PUBLIC, topic: str = "", member_ids: Iterable[object] = ()
) -> Room:
    """A room owned by `user`, with the given people as members.

    Raises:
        Forbidden: guests create no rooms. BadInput: the name, kind or topic. Conflict: the name is taken.
        NotFound: a member.
    """
    if user.is_guest:
        raise Forbidden("Guests cannot create rooms.")
    if kind not in (Room.Kind.PUBLIC, Room.Kind.PRIVATE):
        raise BadInput("That kind of room cannot be created.", fields={"kind": "must be PUBLIC or PRIVATE"})
    people = [access_user(user, member_id) for member_id in member_ids]
    try:
        with transaction.atomic(durable=True):
            room = Room.objects.create(
                name=_check_room_name(name), kind=kind, topic=_check_topic(topic), created_by=user
            )
            Membership.objects.create(room=room, user=user, role=Membership.Role.OWNER)
            Membership.objects.bulk_create(
                [
                    Membership(room=room, user=person, role=default_role(person))
                    for person in people
                    if person != user
                ],
                ignore_conflicts=True,
            )
            say(room, user, "created the room")
            publish_on_commit(MembershipsChanged(room.pk, (user.pk, *(person.pk for person in people))))
    except IntegrityError:
        raise Conflict("There is a room with that name already.", fields={"name": "is taken"}) from None
    return room


def default_role(user: User) -> str:
    """The role of who comes into a room without being given one: a guest's account stays a guest's."""
    return Membership.Role.GUEST if user.is_guest else Membership.Role.MEMBER


def open_direct_room(user: User, *, other_id: object) -> Room:
    """The direct room of exactly these two users, or of one with himself or herself; made if it is not there.

    Raises:
        NotFound: the other is not visible to `user`.
    """
    other = access_user(user, other_id)
    people = {user, other}
    with transaction.atomic(durable=True):
        # The lock on the lower id makes two simultaneous first calls wait for each other.
        list(User.objects.select_for_update().filter(pk__in=(user.pk, other.pk)).order_by("pk"))
        rooms = Room.objects.filter(kind=Room.Kind.DIRECT)
        for person in people:
            rooms = rooms.filter(pk__in=Membership.objects.filter(user=person).values("room_id"))
        found = rooms.alias(size=Count("memberships")).filter(size=len(people)).values_list("pk", flat=True)
        room = Room.objects.filter(pk__in=found).first()
        if room is None:
            names = ", ".join(sorted(map(str, people)))
            room = Room.objects.create(
                name=names[:NAME_MAX_CHARACTERS], kind=Room.Kind.DIRECT, created_by=user
            )
            Membership.objects.bulk_create([Membership(room=room, user=person) for person in people])
            publish_on_commit(MembershipsChanged(room.pk, tuple(person.pk for person in people)))
    return room


def update_room(user: User, *, room_id: object, name: str | None = None, topic: str | None = None) -> Room:
    """Rename a room or set its topic; None leaves a value as it is.

    Raises:
        NotFound. Forbidden: not an owner or moderator. BadInput: the name or topic. Conflict: the name is taken.
    """
    new_name = None if name is None else _check_room_name(name)
    new_topic = None if topic is None else _check_topic(topic)
    try:
        with transaction.atomic(durable=True):
            room = access_room(user, room_id, lock=True)
            require_manager(room, user)
            if new_name is not None and new_name != room.name:
                room.name = new_name
                room.save(update_fields=["name"])
                say(room, user, f"renamed the room to {room.name}")
            if new_topic is not None and new_topic != room.topic:
                room.topic = new_topic
                room.save(update_fields=["topic"])
                say(room, user, f"set the topic: {room.topic}" if room.topic else "cleared the topic")
    except IntegrityError:
        raise Conflict("There is a room with that name already.", fields={"name": "is taken"}) from None
    return room


def archive_room(user: User, *, room_id: object) -> Room:
    """Close a room for posts; it stays readable. Archiving twice is no error.

    Raises:
        NotFound. Forbidden: not an owner or moderator.
    """
    with transaction.atomic(durable=True):
        room = access_room(user, room_id, lock=True)
        require_manager(room, user)
        if room.archived_at is None:
            room.archived_at = timezone.now()
            room.save(update_fields=["archived_at"])
            say(room, user, "archived the room")
    return room
