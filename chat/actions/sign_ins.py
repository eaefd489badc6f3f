"""Sign-ins by token. Every token of one carries its id, so that all of them end with it."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from rest_framework_simplejwt.tokens import RefreshToken

from chat.actions.steps import require_transaction
from chat.models import SignIn, User


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


def _end(sign_ins: QuerySet[SignIn]) -> int:
    return sign_ins.filter(revoked_at=None).update(revoked_at=Now())
