"""Sign-ins by token. Every token of one carries its id, so that all of them end with it."""

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken
from rest_framework_simplejwt.tokens import RefreshToken

from chat.actions.steps import require_transaction
from chat.models import SignIn, User

REUSE_GRACE = timedelta(seconds=10)


def begin_sign_in(user: User) -> SignIn:
    """A new sign-in of the user, whose identity the caller has checked."""
    with transaction.atomic(durable=True):
        return SignIn.objects.create(user=user)


def end_sign_in(sign_in_id: int, *, token: RefreshToken) -> None:
    """End the sign-in that the refresh token belongs to, and spend the token. One that has ended stays so."""
    with transaction.atomic(durable=True):
        _end(SignIn.objects.filter(pk=sign_in_id))
        token.blacklist()


def end_sign_ins(sign_in_ids: Iterable[int]) -> int:
    """End these sign-ins. The number of those that had not ended before. For admins: the caller has checked that."""
    with transaction.atomic(durable=True):
        return _end(SignIn.objects.filter(pk__in=list(sign_in_ids)))


def end_all_sign_ins(user_ids: Iterable[int]) -> int:
    """End every sign-in of these users. The number ended. For admins, like `end_sign_ins`."""
    with transaction.atomic(durable=True):
        return revoke_sign_ins(user_ids)


def revoke_sign_ins(user_ids: Iterable[int]) -> int:
    """`end_all_sign_ins` as a step of another action: needs the caller's transaction."""
    require_transaction()
    return _end(SignIn.objects.filter(user__in=list(user_ids)))


def hold_sign_in(sign_in_id: int) -> bool:
    """Lock the sign-in, so that its tokens change one after the other; false if it has ended. A step."""
    require_transaction()
    live = SignIn.objects.select_for_update(of=("self",)).filter(revoked_at=None, user__is_active=True)
    return live.filter(pk=sign_in_id).exists()


def end_reused_sign_in(sign_in_id: int, *, token_id: str) -> bool:
    """End the sign-in if its refresh token `token_id` was spent a while ago: two hold it, and one of them stole it.

    Returns:
        false within `REUSE_GRACE` of the spending, when it may be the same person's other tab.
    """
    with transaction.atomic(durable=True):
        before = timezone.now() - REUSE_GRACE
        if not BlacklistedToken.objects.filter(token__jti=token_id, blacklisted_at__lt=before).exists():
            return False
        return _end(SignIn.objects.filter(pk=sign_in_id)) == 1


def _end(sign_ins: QuerySet[SignIn]) -> int:
    return sign_ins.filter(revoked_at=None).update(revoked_at=Now())
