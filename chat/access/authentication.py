"""Who is calling: an access token or a session cookie becomes a `Caller`. Nothing a client says about itself counts."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.http.cookie import parse_cookie
from django.http.request import validate_host
from django.utils.crypto import constant_time_compare
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.utils import get_md5_hash_password

from chat.access.token_claims import access_claims
from chat.access.tokens import SIGN_IN_CLAIM
from chat.database import run_in_db
from chat.errors import Unauthenticated
from chat.loop_database import Statement, current_loop_database, fetch
from chat.models import SignIn, User

BAD_TOKEN = "The access token is not valid, or has expired. Sign in again."
NO_CREDENTIALS = "Sign in first: send `Authorization: Bearer <access token>`, or a session cookie."
NO_SOCKET_CREDENTIALS = "Sign in first: connect with `auth: {token: <access token>}`, or a session cookie."
NO_SCHEME = "Send the access token as `Authorization: Bearer <token>`."
Headers = dict[bytes, bytes]
Claims = Mapping[str, Any]
_USER_FIELDS = [field.attname for field in User._meta.concrete_fields]
_USER_COLUMNS = ", ".join(f"person.{field.column}" for field in User._meta.concrete_fields)
# Written out: after a restart everybody connects at once, and to compile the ORM's queries took most of the time.
_SIGNED_IN = Statement(
    "signed_in",
    f"""
select sign_in.id, {_USER_COLUMNS}
from unnest($1::bigint[], $2::bigint[]) as claimed (user_id, sign_in_id)
join chat_signin sign_in on sign_in.id = claimed.sign_in_id and sign_in.user_id = claimed.user_id
join chat_user person on person.id = claimed.user_id
where person.is_active and sign_in.revoked_at is null
""",
)


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified user and how long the proof holds: until `expires_at` (Unix seconds; None for a session), while the
    sign-in or the session lasts, and until the password changes, of which `password_hash` is a hash."""

    user: User
    expires_at: float | None = None
    sign_in_id: int | None = None
    session_key: str | None = None
    password_hash: str = field(default="", repr=False)


def caller_from_token(raw: object) -> Caller:
    """Verify an access token against key, time, account, password and sign-in.

    Raises:
        Unauthenticated: for anything that is not a live token of an active user.
    """
    [caller] = callers_from_tokens([raw])
    if caller is None:
        raise Unauthenticated(BAD_TOKEN)
    return caller


def callers_from_tokens(raws: Sequence[object]) -> list[Caller | None]:
    """The callers of several access tokens, None for each that is refused. One query, however many there are."""
    tokens = [access_claims(raw) for raw in raws]
    claimed = _identities(tokens)
    return _token_callers(tokens, fetch(_SIGNED_IN, *claimed) if claimed else [])


async def callers_from_tokens_soon(raws: Sequence[object]) -> list[Caller | None]:
    """`callers_from_tokens` for an event loop, which sends the query itself."""
    tokens = [access_claims(raw) for raw in raws]
    claimed = _identities(tokens)
    return _token_callers(
        tokens, await current_loop_database().fetch(_SIGNED_IN, *claimed) if claimed else []
    )


def _identities(tokens: Iterable[Claims | None]) -> list[Sequence[str | int]]:
    """Users and sign-ins to ask for; empty if there are none."""
    return list(zip(*{_identity(claims) for claims in tokens if claims is not None}, strict=True))


def _token_callers(tokens: Sequence[Claims | None], rows: Sequence[tuple[Any, ...]]) -> list[Caller | None]:
    """`rows` are the active users of sign-ins that are theirs and have not ended."""
    signed_in = {(str(row[1]), row[0]): User.from_db("default", _USER_FIELDS, row[1:]) for row in rows}
    return [None if claims is None else _token_caller(claims, signed_in) for claims in tokens]


def _identity(claims: Claims) -> tuple[str, int]:
    """User and sign-in; without a sign-in 0, which none has."""
    return str(claims.get(api_settings.USER_ID_CLAIM)), claims.get(SIGN_IN_CLAIM) or 0


def _token_caller(claims: Claims, signed_in: Mapping[tuple[str, int], User]) -> Caller | None:
    identity = _identity(claims)
    user, password_hash = signed_in.get(identity), claims.get(api_settings.REVOKE_TOKEN_CLAIM)
    if user is None or password_hash != get_md5_hash_password(user.password):
        return None
    return Caller(user, float(claims["exp"]), sign_in_id=identity[1], password_hash=password_hash)


def caller_from_session(session_key: str | None) -> Caller | None:
    """The user of a live session, or None. Checks the account and that the password is still the one signed in with."""
    if not session_key:
        return None
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    if session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    user = User.objects.filter(pk=session.get(SESSION_KEY, 0), is_active=True).first()
    if user is None or not constant_time_compare(
        session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()
    ):
        return None
    return Caller(user, session_key=session_key, password_hash=get_md5_hash_password(user.password))


def invalid_callers(callers: Collection[Caller], users: Mapping[int, User], *, now: float) -> set[Caller]:
    """Those whose proof no longer holds at `now` (Unix seconds): for long-lived connections, asked every few seconds.

    `users` are the accounts as they are now, by id. Two queries at most, however many callers. A session ends with its
    row, so settings.SESSION_ENGINE must be one that keeps sessions in the database.
    """
    signed_in = {caller.sign_in_id for caller in callers if caller.sign_in_id is not None}
    sign_ins = set(SignIn.objects.filter(pk__in=signed_in, revoked_at=None).values_list("pk", flat=True))
    keys = {caller.session_key for caller in callers if caller.session_key is not None}
    stored = import_module(settings.SESSION_ENGINE).SessionStore.get_model_class().objects
    alive = stored.filter(session_key__in=keys, expire_date__gt=datetime.fromtimestamp(now, UTC))
    sessions = set(alive.values_list("session_key", flat=True))

    def holds(caller: Caller) -> bool:
        user = users.get(caller.user.pk)
        if user is None or not user.is_active or caller.password_hash != get_md5_hash_password(user.password):
            return False
        if caller.session_key is not None:
            return caller.session_key in sessions
        return caller.sign_in_id in sign_ins and caller.expires_at is not None and now < caller.expires_at

    return {caller for caller in callers if not holds(caller)}


def bearer_token(value: str) -> str | None:
    """The token of an `Authorization: Bearer ...` value, or None."""
    scheme, _, token = value.partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def origin_allowed(headers: Headers) -> bool:
    """Whether a browser on that page may open a connection that the session cookie vouches for.

    Same host and port as the request, or one of CSRF_TRUSTED_ORIGINS. No Origin header means no browser page.
    """
    origin = headers.get(b"origin")
    if origin is None:
        return True
    try:
        parts = urlsplit(origin.decode("latin-1"))
    except ValueError:  # such as an open bracket without its end
        return False
    host = headers.get(b"host", b"").decode("latin-1")
    if parts.netloc and parts.netloc == host:
        return validate_host(parts.hostname or "", settings.ALLOWED_HOSTS)
    return f"{parts.scheme}://{parts.netloc}" in settings.CSRF_TRUSTED_ORIGINS


def caller_from_handshake(scope: dict[str, Any], token: object) -> Caller:
    """The caller of a Socket.IO handshake: an access token, or else what `caller_from_scope` finds.

    Raises:
        Unauthenticated: there is neither, or the token is not valid.
    """
    caller = caller_from_token(token) if token else caller_from_scope(scope)
    if caller is None:
        raise Unauthenticated(NO_SOCKET_CREDENTIALS)
    return caller


def caller_from_scope(scope: dict[str, Any]) -> Caller | None:
    """The caller of an ASGI scope: a bearer token if one is sent (which must hold), else the session cookie, else None.

    Raises:
        Unauthenticated: a token was sent and is not valid.
    """
    headers: Headers = dict(scope["headers"])
    token = _sent_token(headers)
    if token is not None:
        return caller_from_token(token)
    if not origin_allowed(headers):
        return None
    cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
    return caller_from_session(cookies.get(settings.SESSION_COOKIE_NAME))


async def caller_from_scope_soon(scope: dict[str, Any]) -> Caller | None:
    """`caller_from_scope` for an event loop, which sends a token's query itself; a session is read in a thread."""
    token = _sent_token(dict(scope["headers"]))
    if token is None:
        return await run_in_db(caller_from_scope, scope)
    [caller] = await callers_from_tokens_soon([token])
    if caller is None:
        raise Unauthenticated(BAD_TOKEN)
    return caller


def _sent_token(headers: Headers) -> str | None:
    value = headers.get(b"authorization", b"").decode("latin-1").strip()
    if value and " " not in value:  # another scheme, such as Basic, may be a proxy's
        raise Unauthenticated(NO_SCHEME)
    return bearer_token(value)
