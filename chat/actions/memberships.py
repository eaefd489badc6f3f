"""Who is in a room, and as what. Each change is a system message in the room, so that `version` counts it.

A moderator looks after members and guests. Only an owner (or an admin) makes owners and moderators or touches their
memberships, and a room with people in it keeps an owner.
"""

from django.db import transaction

from chat.actions.rooms import default_role, require_manager
from chat.actions.steps import require_transaction, say
from chat.errors import BadInput, Conflict, Forbidden, NotFound
from chat.events import MembershipsChanged, publish_on_commit
from chat.models import Membership, Room, User
from chat.selectors import MANAGERS, NO_USER, access_room, access_user, parse_id
from chat.unread import unread_count

NEEDS_OWNER = "A room needs an owner. Make somebody else an owner first."
_TITLES: dict[str, str] = {
    Membership.Role.OWNER: "an owner",
    Membership.Role.MODERATOR: "a moderator",
    Membership.Role.MEMBER: "a member",
    Membership.Role.GUEST: "a guest",
}


def join_room(user: User, *, room_id: object) -> Room:
    """Membership of a readable room; being a member already is no error.

    Raises:
        NotFound: the room is not open to the user. Conflict: it is archived.
    """
    with transaction.atomic(durable=True):
        room = access_room(user, room_id, lock=True)
        if room.archived_at is not None and _membership(room, user.pk) is None:
            raise Conflict("This room is archived: nobody can join it any more.")
        enter_room(room, user)
    return room


def enter_room(room: Room, user: User) -> None:
    """Make the user a member, if he or she is none. A step: the room's lock must be held."""
    require_transaction()
    _, made = Membership.objects.get_or_create(
        room=room, user=user, defaults={"role": default_role(user), "last_read_version": room.version}
    )
    if made:
        say(room, user, "joined")
        _announce(room, user)


def leave_room(user: User, *, room_id: object) -> bool:
    """End one's membership; false if there was none.

    Raises:
        NotFound: the room is not open to the user. Conflict: a direct room; the only owner, while others are there.
    """
    with transaction.atomic(durable=True):
        room = access_room(user, room_id, lock=True)
        membership = _membership(room, user.pk)
        if membership is None:
            return False
        if room.kind == Room.Kind.DIRECT:
            raise Conflict("A direct conversation cannot be left.")
        require_other_owner(membership)
        say(room, user, "left")
        membership.delete()
        _announce(room, user)
    return True


def add_member(
    user: User, *, room_id: object, user_id: object, role: str = Membership.Role.MEMBER
) -> Membership:
    """Make somebody a member, or a member something more.

    Who is in the room already is given the role, unless it is the default one: adding takes nothing away from anybody
    (`change_role` does).

    Raises:
        NotFound: the room or the person. Forbidden: not an owner or moderator; a moderator who gives or takes the role
        of an owner or moderator. Conflict: a direct room; the room's only owner. BadInput: not a role; more than a
        guest for a guest's account.
    """
    person = access_user(user, user_id)
    with transaction.atomic(durable=True):
        room = _lock_managed(user, room_id)
        membership = _membership(room, person.pk)
        if membership is None:
            role = check_role(person, role)
            _require_authority(user, room, role)
            membership = Membership.objects.create(room=room, user=person, role=role)
            say(
                room,
                user,
                f"added {person}" if role not in MANAGERS else f"added {person} as {_TITLES[role]}",
            )
            _announce(room, person)
        elif role != Membership.Role.MEMBER:
            _change_role(user, membership, role)
    return membership


def change_role(user: User, *, room_id: object, user_id: object, role: str) -> Membership:
    """Make a member of the room something else; the role he or she has is no error.

    Raises:
        NotFound: the room, or the person is not in it. Forbidden, Conflict, BadInput: as `add_member`.
    """
    with transaction.atomic(durable=True):
        room = _lock_managed(user, room_id)
        membership = _membership(room, parse_id(user_id, NO_USER))
        if membership is None:
            raise NotFound(NO_USER)
        _change_role(user, membership, role)
    return membership


def remove_member(user: User, *, room_id: object, user_id: object) -> bool:
    """End somebody's membership; false if there was none.

    Raises:
        NotFound: the room. Forbidden: not an owner or moderator; a moderator who removes an owner or moderator.
        Conflict: a direct room; the room's only owner, while others are there.
    """
    with transaction.atomic(durable=True):
        room = _lock_managed(user, room_id)
        membership = _membership(room, parse_id(user_id, NO_USER))
        if membership is None:
            return False
        _require_authority(user, room, membership.role)
        require_other_owner(membership)
        membership.delete()
        say(room, user, f"removed {membership.user}")
        _announce(room, membership.user)
    return True


def _announce(room: Room, user: User) -> None:
    """Tell the processes that serve the user, whose other devices show the room or its unread messages."""
    publish_on_commit(MembershipsChanged(room.pk, (user.pk,)))


def _lock_managed(user: User, room_id: object) -> Room:
    """The room, which the user manages, under its lock: memberships are read and changed under it only."""
    room = access_room(user, room_id, lock=True)
    require_manager(room, user)
    if room.kind == Room.Kind.DIRECT:
        raise Conflict("A direct conversation is between the people it was opened for.")
    return room


def _membership(room: Room, user_id: int) -> Membership | None:
    membership = Membership.objects.filter(room=room, user_id=user_id).select_related("user").first()
    if membership is not None:
        membership.room = room  # the one that is locked, whose version counts
    return membership


def check_role(person: User, role: str) -> str:
    """The role that the person would have: a guest's account is a guest of every room.

    Raises:
        BadInput: not a role; more than a guest for a guest's account.
    """
    if role not in Membership.Role.values:
        raise BadInput("There is no such role.", fields={"role": "is unknown"})
    if person.is_guest and role in MANAGERS:
        raise BadInput("A guest's account stays a guest's.", fields={"role": "must be GUEST for a guest"})
    return default_role(person) if person.is_guest else role


def _change_role(user: User, membership: Membership, role: str) -> None:
    role = check_role(membership.user, role)
    if role == membership.role:
        return
    _require_authority(user, membership.room, membership.role)
    _require_authority(user, membership.room, role)
    if role != Membership.Role.OWNER:
        require_other_owner(membership)
    membership.role = role
    membership.save(update_fields=["role"])
    say(membership.room, user, f"made {membership.user} {_TITLES[membership.role]}")


def _require_authority(user: User, room: Room, role: str) -> None:
    """Who manages the room may give and take the roles of members and guests; the others are the owners' to give."""
    if role not in MANAGERS or user.is_superuser:
        return
    if not Membership.objects.filter(room=room, user=user, role=Membership.Role.OWNER).exists():
        raise Forbidden("Only an owner of the room can do that with owners and moderators.")


def require_other_owner(membership: Membership) -> None:
    """Raises Conflict if people would be left without an owner. Bots and closed accounts are no people here.

    The room's lock must be held.
    """
    if membership.role != Membership.Role.OWNER:
        return
    others = Membership.objects.filter(room=membership.room_id, user__is_active=True, user__is_bot=False)
    others = others.exclude(pk=membership.pk)
    if others.exists() and not others.filter(role=Membership.Role.OWNER).exists():
        raise Conflict(NEEDS_OWNER)


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
            _announce(room, user)
        return unread_count(membership)
