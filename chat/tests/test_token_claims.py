"""The quick check of an access token accepts nothing that the libraries refuse, and what this program issues."""

import base64
import json
import time
from typing import Any

import jwt
import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from chat.access import token_claims
from chat.access.token_claims import access_claims
from chat.access.tokens import SignInSerializer


def claims(**changes: Any) -> dict[str, Any]:
    """Those of a token that holds; None takes one away."""
    now = int(time.time())
    all_of_them = {
        "token_type": "access",
        "exp": now + 100,
        "iat": now,
        "jti": "a",
        "user_id": "1",
        "hash_password": "B",
        "sid": 1,
    } | changes
    return {name: value for name, value in all_of_them.items() if value is not None}


def token(key: str = "", algorithm: str = "HS256", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key or settings.SECRET_KEY, algorithm=algorithm)


@pytest.mark.django_db
def test_a_token_that_the_program_issues_needs_no_library(ada, monkeypatch):
    issued = str(SignInSerializer.get_token(ada).access_token)
    expected = token_claims._any_claims(issued)
    monkeypatch.setattr(token_claims, "_any_claims", lambda raw: pytest.fail("the library was asked"))

    found = access_claims(issued)

    assert found == expected
    assert found is not None and found["user_id"] == str(ada.pk)


BROKEN = {
    "expired": {"exp": 1},
    "from the future": {"iat": int(time.time()) + 1000},
    "a refresh token": {"token_type": "refresh"},
    "of another key": {"key": "another key that is long enough for HS256"},
    "of another algorithm": {"algorithm": "HS512"},
    "without an end": {"exp": None},
    "not yet": {"nbf": int(time.time()) + 1000},
    "without an id": {"jti": None},
    "with a number as its end in words": {"exp": "soon"},
}


@pytest.mark.parametrize("changes", BROKEN.values(), ids=BROKEN)
def test_a_token_that_does_not_hold_is_refused(changes):
    assert access_claims(token()) == claims()

    assert access_claims(token(**changes)) is None


def test_a_token_in_another_form_is_left_to_the_library():
    more = token(colour="red")

    assert token_claims._own_claims(more) is None
    assert access_claims(more) == claims(colour="red")


@pytest.mark.parametrize("raw", [None, 1, "", ".", "..", "a.b.c", "\ud800", "å", "x" * 5000, b"bytes"])
def test_what_is_no_token_is_refused(raw):
    assert access_claims(raw) is None


def test_an_unsigned_token_is_refused():
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "none"}, claims())
    ]

    assert access_claims(".".join((*parts, ""))) is None


@given(st.data())
def test_whatever_is_changed_in_a_token_the_libraries_agree(data):
    raw = token()
    place = data.draw(st.integers(0, len(raw) - 1))
    changed = (
        raw[:place] + data.draw(st.sampled_from("Aa0-_.=~å")) + raw[place + data.draw(st.integers(0, 2)) :]
    )

    found = token_claims._own_claims(changed)

    assert found is None or found == token_claims._any_claims(changed)
