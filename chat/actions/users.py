"""Accounts."""

from collections.abc import Iterable

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from chat.actions.sign_ins import revoke_sign_ins
from chat.errors import UNUSABLE, BadInput, Forbidden
from chat.models import User
from chat.text import NAME_MAX_CHARACTERS, check_line


def _invalid(fields: dict[str, str]) -> BadInput:
    return BadInput(UNUSABLE, fields=fields)


def name_taken() -> BadInput:
    """The user name, in one case or another, is somebody else's: perhaps since this very moment."""
    return _invalid({"username": "is taken"})


def create_user(
    admin: User,
    *,
    username: str,
    password: str,
    email: str = "",
    display_name: str = "",
    is_guest: bool = False,
) -> User:
    """A new account that can sign in with the password.

    Raises:
        Forbidden: `admin` is not an admin. BadInput: with the fields that cannot be used.
    """
    if not admin.is_superuser:
        raise Forbidden("Only an admin can create accounts.")
    user = new_user(
        username=username, password=password, email=email, display_name=display_name, is_guest=is_guest
    )
    try:
        with transaction.atomic(durable=True):
            user.save()
    except IntegrityError:
        raise name_taken() from None
    return user


def new_user(*, username: str, password: str, email: str, display_name: str, is_guest: bool) -> User:
    """A checked account with its password hashed, not stored yet. Whether the name is taken shows when it is.

    Raises:
        BadInput: with the fields that cannot be used.
    """
    display_name = check_line(display_name, field="displayName", max_characters=NAME_MAX_CHARACTERS)
    user = User(username=username.strip(), email=email.strip(), display_name=display_name, is_guest=is_guest)
    _check(user, password)
    user.set_password(password)
    return user


def _check(user: User, password: str) -> None:
    fields: dict[str, str] = {}
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        fields = {name: " ".join(reasons) for name, reasons in error.message_dict.items()}
    try:
        password.encode()
        validate_password(password, user)
    except UnicodeEncodeError:  # half of a surrogate pair, from broken JSON
        fields["password"] = "must be text"
    except ValidationError as error:
        fields["password"] = " ".join(error.messages)
    if fields:
        raise _invalid(fields)


def create_bot(*, username: str, display_name: str, task: str) -> User:
    """The bot with that name, made if it is not there: a user without a password whose mention enqueues `task`."""
    with transaction.atomic(durable=True):
        bot, made = User.objects.get_or_create(
            username=username, defaults={"display_name": display_name, "is_bot": True, "bot_task": task}
        )
        if made:
            bot.set_unusable_password()
            bot.save(update_fields=["password"])
    return bot


def change_password(user: User, *, password: str | None) -> User:
    """Give the user another password, None for none, and end every sign-in by token; sessions end by themselves.

    For who may do that: the caller has checked it, and the password. The other columns of `user` are not stored.
    """
    if password is None:
        user.set_unusable_password()
    else:
        user.set_password(password)
    with transaction.atomic(durable=True):
        user.save(update_fields=["password"])
        revoke_sign_ins([user.pk])
    return user


def touch_last_seen(user_ids: Iterable[int]) -> None:
    """Note that these users were here until now."""
    with transaction.atomic(durable=True):
        User.objects.filter(pk__in=list(user_ids)).update(last_seen_at=Now())
