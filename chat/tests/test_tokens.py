"""Signing in by token: rotation, reuse, revocation, and what ends a token early."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.test import Client
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from chat.access.authentication import caller_from_session, caller_from_token, origin_allowed
from chat.errors import Unauthenticated
from chat.models import SignIn

pytestmark = pytest.mark.django_db


def post(path: str, **data):
    return Client().post(path, data, content_type="application/json")


def sign_in() -> dict[str, str]:
    return post("/api/token/", username="ada", password="correct horse").json()


def test_a_password_gives_tokens_that_name_their_user(ada):
    tokens = sign_in()
    assert caller_from_token(tokens["access"]).user == ada


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        ({"username": "ada", "password": "wrong"}, 401, "UNAUTHENTICATED"),
        ({"username": "nobody", "password": "wrong"}, 401, "UNAUTHENTICATED"),
        ({"username": "ada"}, 400, "BAD_USER_INPUT"),
    ],
)
def test_a_refused_sign_in_says_why_by_code(ada, data, status, code):
    response = post("/api/token/", **data)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert SignIn.objects.count() == 0


def test_malformed_json_is_bad_input(ada):
    response = Client().post("/api/token/", "{", content_type="application/json")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "BAD_USER_INPUT")


@pytest.mark.parametrize(
    ("path", "takes"),
    [
        ("/api/token/", '{"username": "...", "password": "..."}'),
        ("/api/token/refresh/", '{"refresh": "..."}'),
        ("/api/token/revoke/", '{"refresh": "..."}'),
    ],
)
def test_what_is_no_request_in_json_is_told_what_to_send(path, takes):
    client = Client()
    form = "username=ada&password=x"
    refused = [
        (405, client.get(path)),
        (415, client.post(path, form, content_type="application/x-www-form-urlencoded")),
        (400, client.post(path, form, content_type="application/json")),
    ]
    for status, response in refused:
        assert response.status_code == status
        assert response.json()["error"] == {
            "code": "BAD_USER_INPUT",
            "message": f"POST {takes} to this address, with the header `Content-Type: application/json`.",
        }


def test_the_last_slash_may_be_left_out(ada):
    first = post("/api/token", username="ada", password="correct horse").json()
    second = post("/api/token/refresh", refresh=first["refresh"]).json()
    assert caller_from_token(second["access"]).user == ada
    assert post("/api/token/revoke", refresh=second["refresh"]).status_code == 204


def test_a_refresh_token_works_once(ada):
    first = sign_in()
    second = post("/api/token/refresh/", refresh=first["refresh"]).json()
    assert caller_from_token(second["access"]).user == ada
    assert post("/api/token/refresh/", refresh=first["refresh"]).status_code == 401
    assert post("/api/token/refresh/", refresh=second["refresh"]).status_code == 200


def test_revoking_ends_the_access_tokens_of_that_sign_in_only(ada):
    mine, other = sign_in(), sign_in()
    assert post("/api/token/revoke/", refresh=mine["refresh"]).status_code == 204
    with pytest.raises(Unauthenticated):
        caller_from_token(mine["access"])
    assert post("/api/token/refresh/", refresh=mine["refresh"]).status_code == 401
    assert caller_from_token(other["access"]).user == ada
    for rubbish in ("rubbish", None, 7, {}):
        assert post("/api/token/revoke/", refresh=rubbish).status_code == 401


def test_a_sign_in_ends_with_its_refresh_token_or_not_at_all(ada, monkeypatch):
    tokens = sign_in()

    def fail(token):
        raise RuntimeError("the database went away")

    monkeypatch.setattr(RefreshToken, "blacklist", fail)
    with pytest.raises(RuntimeError):
        post("/api/token/revoke/", refresh=tokens["refresh"])
    assert caller_from_token(tokens["access"]).user == ada


@pytest.mark.parametrize("usable", ["true", "false"])
def test_a_password_given_in_the_admin_ends_sign_ins_of_that_person_alone(ada, grace, usable):
    mine = sign_in()
    post("/api/token/", username="grace", password="correct horse")
    form = {"password1": "another horse", "password2": "another horse", "usable_password": usable}
    form |= {"set-password": "1"} if usable == "true" else {"unset-password": "1"}

    response = admin_client(ada).post(f"/admin/chat/user/{grace.pk}/password/", form)

    assert response.status_code == 302, response.content
    grace.refresh_from_db()
    assert grace.check_password("another horse") is (usable == "true")
    assert [sign_in.revoked_at is None for sign_in in SignIn.objects.order_by("pk")] == [True, False]
    assert caller_from_token(mine["access"]).user == ada


def test_admins_end_sign_ins_of_people_or_one_by_one(ada, grace):
    first, second = sign_in(), sign_in()
    third = post("/api/token/", username="grace", password="correct horse").json()
    client = admin_client(ada)
    one = caller_from_token(first["access"]).sign_in_id

    client.post("/admin/chat/signin/", {"action": "revoke", "_selected_action": [one]})
    with pytest.raises(Unauthenticated):
        caller_from_token(first["access"])
    assert caller_from_token(second["access"]).user == ada

    client.post("/admin/chat/user/", {"action": "end_sign_ins", "_selected_action": [ada.pk, grace.pk]})
    for tokens in (second, third):
        with pytest.raises(Unauthenticated):
            caller_from_token(tokens["access"])


def admin_client(ada) -> Client:
    client = Client()
    client.force_login(ada)
    return client


def test_a_changed_password_or_closed_account_ends_tokens(ada):
    access = sign_in()["access"]
    ada.set_password("another horse")
    ada.save()
    with pytest.raises(Unauthenticated):
        caller_from_token(access)

    ada.set_password("correct horse")
    ada.is_active = False
    ada.save()
    with pytest.raises(Unauthenticated):
        caller_from_token(access)


@pytest.mark.parametrize("raw", [None, "", 7, "a.b.c", "x" * 5000])
def test_rubbish_is_no_token(raw):
    with pytest.raises(Unauthenticated):
        caller_from_token(raw)


def test_a_token_without_a_sign_in_is_refused(ada):
    with pytest.raises(Unauthenticated):
        caller_from_token(str(AccessToken.for_user(ada)))


def test_a_session_names_its_user_until_the_password_changes(ada):
    client = Client()
    client.force_login(ada)
    key = client.session.session_key
    caller = caller_from_session(key)
    assert (caller.user, caller.session_key, caller.expires_at) == (ada, key, None)
    ada.set_password("another horse")
    ada.save()
    assert caller_from_session(key) is None
    assert caller_from_session("unknown") is None and caller_from_session(None) is None


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        (b"http://localhost:8000", True),
        (b"http://evil.example", False),
        (b"null", False),
        (b"http://[", False),
        (b"http://localhost:9", False),
    ],
)
def test_a_cookie_counts_only_for_pages_of_this_site(origin, allowed):
    headers = {b"host": b"localhost:8000"} | ({b"origin": origin} if origin else {})
    assert origin_allowed(headers) is allowed


@pytest.mark.django_db(transaction=True)
def test_simultaneous_refreshes_of_one_token_give_one_pair(ada):
    refresh = sign_in()["refresh"]

    def spend(_: int) -> int:
        try:
            return post("/api/token/refresh/", refresh=refresh).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(spend, range(6))) == [200] + [401] * 5


def test_a_spent_token_that_comes_back_later_ends_the_sign_in(ada, monkeypatch):
    stolen = sign_in()
    current = post("/api/token/refresh/", refresh=stolen["refresh"]).json()
    assert post("/api/token/refresh/", refresh=stolen["refresh"]).status_code == 401
    assert caller_from_token(current["access"]).user == ada  # it may have been another tab

    monkeypatch.setattr("chat.actions.sign_ins.REUSE_GRACE", timedelta(0))
    assert post("/api/token/refresh/", refresh=stolen["refresh"]).status_code == 401
    with pytest.raises(Unauthenticated):
        caller_from_token(current["access"])
    assert post("/api/token/refresh/", refresh=current["refresh"]).status_code == 401
