"""The tokens of invitations, and who holds one that can be used."""

import hashlib
import secrets

from django.db.models import F, Q
from django.utils import timezone

from chat.errors import NotFound
from chat.models import Invitation

GUEST_WITHOUT_ROOM = "A guest sees only the rooms he or she is in: choose at least one."
NO_INVITATION = (
    "This invitation cannot be used: it was withdrawn, has expired or was used up. Ask for another one."
)


def new_token() -> str:
    """43 characters for a URL: 256 random bits, which nobody guesses and a plain hash hides."""
    return secrets.token_urlsafe(32)


def hash_token(token: object) -> str:
    """What a row keeps of a token; of what is no token, the hash of nothing that was given out."""
    text = token if isinstance(token, str) else ""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def access_invitation(token: object, *, lock: bool = False) -> Invitation:
    """The invitation that the token opens; with `lock` under its row lock until the transaction ends.

    Raises:
        NotFound: unknown, withdrawn, expired, used up, or its maker is no admin any more; which is not told.
    """
    usable = Q(
        revoked_at=None,
        uses__lt=F("max_uses"),
        expires_at__gt=timezone.now(),
        created_by__is_active=True,
        created_by__is_superuser=True,
    )
    invitations = Invitation.objects.select_for_update(of=("self",)) if lock else Invitation.objects.all()
    invitation = invitations.filter(usable, token_hash=hash_token(token)).first()
    if invitation is None:
        raise NotFound(NO_INVITATION, fields={"invitation": "cannot be used"})
    return invitation
