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


# ------------------------------------------------------------------------------------------ methods, types


async def test_head_answers_as_get_does_without_a_body(http):
    params = {"query": "{ __typename }"}
    got, head = await http.get("/graphql", params=params), await http.head("/graphql", params=params)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "content-length", "vary"):
        assert head.headers[name] == got.headers[name]
    refused = await http.head("/graphql", params={"query": "mutation { leaveRoom(roomId: 1) }"})
    assert (refused.status_code, refused.content) == (405, b"")
    stream = await http.head("/graphql", params=params, headers={"accept": "text/event-stream"})
    assert (stream.headers["content-type"], stream.content) == ("text/event-stream; charset=utf-8", b"")


async def test_options_tells_the_methods_and_lets_no_other_origin_in(http):
    headers = {"origin": "https://elsewhere.example", "access-control-request-method": "POST"}
    answer = await http.options("/graphql", headers=headers)
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, POST, OPTIONS")
    assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize(
    ("method", "query", "allowed"),
    [
        ("PUT", "{ __typename }", "GET, HEAD, POST, OPTIONS"),
        ("GET", "mutation { leaveRoom(roomId: 1) }", "POST, OPTIONS"),
    ],
)
async def test_a_method_that_does_not_fit_is_told_which_do(http, method, query, allowed):
    answer = await http.request(method, "/graphql", params={"query": query})
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize(
    ("header", "answered"),
    [
        ({"content-type": "text/plain"}, {"accept": "application/json, multipart/form-data"}),
        ({"content-type": "application/json; charset=utf-16"}, {}),
        ({"content-type": "application/json", "content-encoding": "gzip"}, {"accept-encoding": "identity"}),
    ],
)
async def test_a_body_of_another_kind_is_refused_with_what_would_be_read(http, header, answered):
    answer = await http.post("/graphql", content=b'{"query": "{ __typename }"}', headers=header)
    assert answer.status_code == 415
    assert answered.items() <= dict(answer.headers).items()


async def test_what_is_empty_in_an_address_is_not_given(http):
    answer = await http.get("/graphql", params={"query": "query A { __typename }", "operationName": ""})
    assert answer.json()["data"] == {"__typename": "Query"}


@pytest.mark.parametrize(("accept", "status"), [("application/json", 200), (GRAPHQL, 400)])
async def test_a_subscription_needs_a_stream(as_user, grace, general, accept, status):
    query = f"subscription {{ messageAdded(roomId: {general.pk}) {{ id }} }}"
    answer = await as_user(grace).post(query, accept=accept)
    assert answer.status_code == status
    assert "text/event-stream" in answer.json()["errors"][0]["message"]


# ------------------------------------------------------------------------------------------ arrays


def _batch(*queries: str) -> list[dict]:
    return [{"query": query} for query in queries]


async def test_arrays_of_operations_are_refused_unless_the_installation_takes_them(http):
    answer = await http.post("/graphql", json=_batch("{ __typename }"))
    assert answer.status_code == 400
    assert "Arrays of operations are not taken here" in answer.json()["errors"][0]["message"]


async def test_an_array_is_answered_in_its_order_each_operation_by_itself(as_user, grace, general, settings):
    settings.GRAPHQL_BATCH_MAX = 5
    client = as_user(grace)
    await client.post("{ me { id } }")  # signs in
    send = f'mutation {{ sendMessage(input: {{roomId: {general.pk}, text: "hello"}}) {{ text }} }}'
    read = f"{{ room(id: {general.pk}) {{ messages {{ totalCount }} }} }}"
    subscribe = f"subscription {{ messageAdded(roomId: {general.pk}) {{ id }} }}"
    operations = [*_batch(send, read, "{ nonsense }", subscribe), 7]

    answers = (await client.http.post("/graphql", json=operations, headers=client.headers)).json()

    assert [answer.get("data") for answer in answers] == [
        {"sendMessage": {"text": "hello"}},
        {"room": {"messages": {"totalCount": 1}}},
        None,
        None,
        None,
    ]
    codes = {answer["errors"][0]["extensions"]["code"] for answer in answers[2:]}
    assert codes == {"BAD_USER_INPUT"}


@pytest.mark.parametrize(
    ("length", "accept", "status"),
    [(0, "*/*", 400), (3, "*/*", 400), (1, "text/event-stream", 406), (2, "*/*", 200)],
)
async def test_an_array_has_a_length_and_is_no_stream(http, settings, length, accept, status):
    settings.GRAPHQL_BATCH_MAX = 2
    headers = {"accept": accept}
    answer = await http.post("/graphql", json=_batch(*["{ __typename }"] * length), headers=headers)
    assert answer.status_code == status


async def test_a_token_without_its_scheme_is_no_anonymous_caller(ada, http):
    token = await access_token(ada)

    response = await http.post("/graphql", json={"query": "{ me { id } }"}, headers={"authorization": token})

    assert response.status_code == 401
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert "Authorization: Bearer" in error["message"]
