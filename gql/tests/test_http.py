"""GraphQL over HTTP: media types, methods, limits, who is calling, and errors that say only what they should."""

import logging

import pytest
from django.conf import settings
from django.test import Client

from chat.database import run_in_db
from chat.models import Message, SignIn
from gql.tests.client import access_token

pytestmark = pytest.mark.django_db(transaction=True)

GRAPHQL = "application/graphql-response+json"
SEND = 'mutation($room: ID!) { sendMessage(input: {roomId: $room, text: "hello"}) { text } }'


async def test_a_client_signs_in_by_token_posts_and_reads(http, general):
    signed_in = await http.post("/api/token/", json={"username": "grace", "password": "correct horse"})
    headers = {"authorization": f"Bearer {signed_in.json()['access']}"}

    body = {"query": SEND, "variables": {"room": str(general.pk)}}
    posted = await http.post("/graphql", json=body, headers=headers)
    read = await http.get(
        "/graphql",
        params={
            "query": "query($id: ID!) { room(id: $id) { messages { edges { node { text author { username } } } } } }",
            "variables": f'{{"id": {general.pk}}}',
        },
        headers=headers,
    )

    assert posted.json()["data"] == {"sendMessage": {"text": "hello"}}
    node = {"text": "hello", "author": {"username": "grace"}}
    assert read.json()["data"] == {"room": {"messages": {"edges": [{"node": node}]}}}


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "", "x" * 5000])
async def test_an_invalid_token_is_an_error_and_not_an_anonymous_caller(http, db, token):
    response = await http.post(
        "/graphql", json={"query": "{ me { id } }"}, headers={"authorization": f"Bearer {token}x"}
    )
    assert response.status_code == 401
    assert response.json()["data"] is None
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_revoked_token_is_refused_at_once(as_user, grace):
    client = as_user(grace)
    assert (await client.data("{ me { username } }"))["me"] == {"username": "grace"}
    await SignIn.objects.all().aupdate(revoked_at="2026-01-01T00:00Z")
    assert (await client.post("{ me { username } }")).status_code == 401


@pytest.mark.parametrize(
    ("accept", "content_type", "status"),
    [
        ("application/json", "application/json; charset=utf-8", 200),
        (GRAPHQL, f"{GRAPHQL}; charset=utf-8", 400),
        (f"{GRAPHQL}, application/json;q=0.9", f"{GRAPHQL}; charset=utf-8", 400),
        ("*/*", "application/json; charset=utf-8", 200),
    ],
)
async def test_the_media_type_is_negotiated_and_decides_the_status(http, accept, content_type, status):
    response = await http.post("/graphql", json={"query": "{ nonsense }"}, headers={"accept": accept})
    assert (response.status_code, response.headers["content-type"]) == (status, content_type)
    assert "data" not in response.json()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"method": "PUT", "json": {}}, 405),
        ({"method": "POST", "content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ({"method": "POST", "json": []}, 400),
        ({"method": "POST", "json": {}}, 400),
        ({"method": "POST", "json": {"query": 7}}, 400),
        ({"method": "POST", "json": {"query": "{ me { id } }", "variables": []}}, 400),
        ({"method": "POST", "json": {"query": "{ me { id } }", "operationName": 1}}, 400),
        (
            {
                "method": "POST",
                "content": b"{ me { id } }",
                "headers": {"content-type": "application/graphql"},
            },
            415,
        ),
        ({"method": "POST", "json": {"query": "{ me { id } }"}, "headers": {"accept": "image/png"}}, 406),
        ({"method": "POST", "json": {"query": "{ me { id } }"}, "headers": {"host": "evil.example"}}, 400),
        ({"method": "GET", "params": {"query": "{ me { id } }", "variables": "{"}}, 400),
        ({"method": "GET", "params": {"query": "mutation { leaveRoom(roomId: 1) }"}}, 405),
        (
            {"method": "POST", "content": b" " * 1_100_000, "headers": {"content-type": "application/json"}},
            413,
        ),
    ],
)
async def test_malformed_requests_get_a_status_and_a_coded_error(http, request_, status):
    response = await http.request(url="/graphql", **request_)
    assert response.status_code == status
    assert response.json()["errors"][0]["extensions"]["code"] == (
        "PAYLOAD_TOO_LARGE" if status == 413 else "BAD_USER_INPUT"
    )


@pytest.mark.parametrize(
    "query",
    [
        "{ me { passwort } }",
        "{ me { id }",
        "query A { me { id } } query B { me { id } }",
        "query($first: Int) { rooms(first: $first) { totalCount } }" + " " * 10 + "{",
        "fragment F on User { ...G } fragment G on User { ...F } { me { ...F } }",
    ],
)
async def test_documents_that_cannot_run_are_bad_input(as_user, query):
    response = await as_user(None).run(query)
    assert {error["extensions"]["code"] for error in response["errors"]} == {"BAD_USER_INPUT"}
    assert "data" not in response


async def test_names_of_the_schema_are_not_suggested(as_user):
    [error] = (await as_user(None).run("{ me { usernam } }"))["errors"]
    assert error["message"] == "Cannot query field 'usernam' on type 'User'."


async def test_variables_of_the_wrong_type_are_bad_input(as_user, ada):
    response = await as_user(ada).run(
        "query($first: Int) { rooms(first: $first) { totalCount } }", first="many"
    )
    assert response["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_an_unexpected_error_shows_an_id_that_is_in_the_log_and_nothing_else(
    as_user, ada, monkeypatch, caplog
):
    def fail(*args: object) -> None:
        raise RuntimeError("the secret of the database")

    monkeypatch.setattr("gql.queries.rooms.access_room", fail)
    with caplog.at_level(logging.ERROR):
        response = await as_user(ada).run("{ room(id: 1) { id } }")

    [error] = response["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["extensions"]["errorId"] in caplog.text
    assert "secret" not in str(response)


# ------------------------------------------------------------------------------------------ sessions


@pytest.fixture
def session(grace) -> dict[str, str]:
    """The cookies of grace's browser."""
    browser = Client()
    browser.force_login(grace)
    return {settings.SESSION_COOKIE_NAME: browser.cookies[settings.SESSION_COOKIE_NAME].value}


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://localhost"},
        {"sec-fetch-site": "same-origin"},
        {"x-csrftoken": "c" * 32, "cookie-csrf": "c" * 32},
    ],
)
async def test_a_page_of_this_site_posts_with_its_session(http, general, session, headers):
    cookies = dict(session)
    if "cookie-csrf" in headers:
        cookies["csrftoken"] = headers["cookie-csrf"]
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    body = {"query": SEND, "variables": {"room": general.pk}}

    response = await http.post("/graphql", json=body, headers={**headers, "cookie": cookie})

    assert response.json()["data"] == {"sendMessage": {"text": "hello"}}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"origin": "null"},
        {"x-csrftoken": "c" * 32},
    ],
)
async def test_a_post_with_a_session_from_elsewhere_is_refused_and_changes_nothing(
    http, general, session, headers
):
    cookie = "; ".join(f"{name}={value}" for name, value in session.items())
    body = {"query": SEND, "variables": {"room": general.pk}}

    response = await http.post("/graphql", json=body, headers={**headers, "cookie": cookie})

    assert response.status_code == 403
    assert response.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await Message.objects.acount() == 0


async def test_results_are_not_cached(http):
    response = await http.post("/graphql", json={"query": "{ __typename }"})
    assert response.json()["data"] == {"__typename": "Query"}
    assert response.headers["cache-control"] == "private, no-store"


async def test_other_paths_go_to_django(http):
    assert (await http.get("/graphql-not")).status_code == 404


async def test_the_token_of_a_deactivated_user_is_refused(http, grace):
    headers = {"authorization": f"Bearer {await access_token(grace)}"}
    grace.is_active = False
    await run_in_db(grace.save)
    assert (await http.post("/graphql", json={"query": "{ me { id } }"}, headers=headers)).status_code == 401
