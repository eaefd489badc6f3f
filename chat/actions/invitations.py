"""Invitations: who has one makes his or her own account, and is in the invitation's rooms from the beginning."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from chat.actions.memberships import enter_room
from chat.actions.steps import lock_room
from chat.actions.users import name_taken, new_user
from chat.errors import BadInput, Forbidden
from chat.invitations import GUEST_WITHOUT_ROOM, access_invitation, hash_token, new_token
from chat.models import Invitation, Room, User
from chat.selectors import access_room
from chat.text import check_line

INVITATION_LASTS = timedelta(days=7)
NOTE_MAX_CHARACTERS = 120
USES_MAX = 1000


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """`token` is what opens it. It is told once: the row keeps its hash alone."""

    invitation: Invitation
    token: str


def _require_admin(user: User) -> None:
    if not user.is_superuser:
        raise Forbidden("Only an admin can invite people.")


def create_invitation(
    admin: User,
    *,
    note: str = "",
    max_uses: int = 1,
    expires_at: datetime | None = None,
    is_guest: bool = False,
    room_ids: Iterable[object] = (),
) -> NewInvitation:
    """An invitation for `max_uses` accounts, by default for a week.

    Raises:
        Forbidden: `admin` is not an admin. NotFound: a room. BadInput: the note, the number or the time; a direct room;
        no room for a guest.
    """
    _require_admin(admin)
    note = check_line(note, field="note", max_characters=NOTE_MAX_CHARACTERS)
    if not 1 <= max_uses <= USES_MAX:
        raise BadInput("That is no number of uses.", fields={"maxUses": f"must lie between 1 and {USES_MAX}"})
    ends = expires_at or timezone.now() + INVITATION_LASTS
    if ends <= timezone.now():
        raise BadInput("That time has passed.", fields={"expiresAt": "must lie in the future"})
    token = new_token()
    with transaction.atomic(durable=True):
        rooms = [access_room(admin, room_id) for room_id in room_ids]
        if is_guest and not rooms:
            raise BadInput(GUEST_WITHOUT_ROOM, fields={"roomIds": "must name a room"})
        if any(room.kind == Room.Kind.DIRECT for room in rooms):
            raise BadInput(
                "Nobody can be invited to a direct conversation.", fields={"roomIds": "are direct"}
            )
        invitation = Invitation.objects.create(
            token_hash=hash_token(token),
            note=note,
            is_guest=is_guest,
            max_uses=max_uses,
            expires_at=ends,
            created_by=admin,
        )
        invitation.rooms.set(rooms)
    return NewInvitation(invitation, token)


def revoke_invitations(admin: User, invitation_ids: Iterable[int]) -> int:
    """Withdraw those that are not withdrawn. Returns their number; accounts made with them stay.

    Raises:
        Forbidden: not an admin.
    """
    _require_admin(admin)
    with transaction.atomic(durable=True):
        there = Invitation.objects.filter(pk__in=list(invitation_ids), revoked_at=None)
        return there.update(revoked_at=timezone.now())


def accept_invitation(
    *, token: object, username: str, password: str, email: str = "", display_name: str = ""
) -> User:
    """An account made by who holds the invitation's token, and its memberships of the invitation's rooms.

    Without an invitation that can be used nothing is told of the rest, such as whether a user name is taken.

    Raises:
        NotFound: the invitation cannot be used. BadInput: with the fields that cannot be used; nothing is used up.
    """
    invitation = access_invitation(token)  # before the password is hashed, which takes a third of a second
    user = new_user(
        username=username,
        password=password,
        email=email,
        display_name=display_name,
        is_guest=invitation.is_guest,
    )
    with transaction.atomic(durable=True):
        invitation = access_invitation(token, lock=True)
        try:
            user.save()
        except IntegrityError:
            raise name_taken() from None
        invitation.uses += 1
        invitation.save(update_fields=["uses"])
        for room_id in invitation.rooms.order_by("pk").values_list("pk", flat=True):
            room = lock_room(room_id)
            if room.archived_at is None:
                enter_room(room, user)
    return user
