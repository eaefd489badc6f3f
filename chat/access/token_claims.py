"""The claims of an access token whose signature and times hold.

PyJWT and simplejwt take 200 microseconds for a token, of which the signature is three: after a restart that was a third
of what a client costs that comes back. So tokens in the very form that this program gives are checked here. Whatever
differs from it in anything is left to the libraries: this can only accept what it has checked in full.
"""

import base64
import binascii
import hmac
import time
from collections.abc import Mapping
from typing import Any, cast

import orjson
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken

from chat.access.tokens import SIGN_IN_CLAIM

TOKEN_MAX_CHARACTERS = 4096
_HEADER = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")
_CLAIMS: Mapping[str, type] = {
    "token_type": str,
    "exp": int,
    "iat": int,
    "jti": str,
    "user_id": str,
    "hash_password": str,
    SIGN_IN_CLAIM: int,
}


def access_claims(raw: object) -> Mapping[str, Any] | None:
    """The claims of an access token, or None for what is none, or no longer."""
    if not isinstance(raw, str) or len(raw) >= TOKEN_MAX_CHARACTERS:
        return None
    return _own_claims(raw) or _any_claims(raw)


def _any_claims(raw: str) -> Mapping[str, Any] | None:
    try:
        return cast(Mapping[str, Any], AccessToken(cast(Any, raw)).payload)
    except (TokenError, ValueError):  # PyJWT encodes it first, and half of a surrogate pair has no encoding
        return None


def _own_claims(raw: str) -> Mapping[str, Any] | None:
    """The claims of a token in this program's form that holds; None says nothing."""
    if not _settings_are_known() or not raw.isascii():
        return None
    signed, _, signature = raw.encode().rpartition(b".")
    header, _, body = signed.partition(b".")
    if header != _HEADER or not hmac.compare_digest(signature, _signature(signed)):
        return None
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4)))
    except (binascii.Error, orjson.JSONDecodeError):
        return None
    if not isinstance(claims, dict) or {name: type(value) for name, value in claims.items()} != _CLAIMS:
        return None
    now = time.time()
    holds = claims["token_type"] == AccessToken.token_type and claims["iat"] <= now < claims["exp"]
    return claims if holds else None


def _settings_are_known() -> bool:
    return (
        api_settings.ALGORITHM == "HS256"
        and api_settings.USER_ID_CLAIM == "user_id"
        and api_settings.REVOKE_TOKEN_CLAIM == "hash_password"
        and not (api_settings.AUDIENCE or api_settings.ISSUER)
    )


def _signature(signed: bytes) -> bytes:
    """RFC 7515, appendix A.1."""
    mac = hmac.digest(api_settings.SIGNING_KEY.encode(), signed, "sha256")
    return base64.urlsafe_b64encode(mac).rstrip(b"=")
