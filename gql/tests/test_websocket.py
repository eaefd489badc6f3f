"""The graphql-transport-ws protocol: its messages, its close codes, and access that ends."""

import asyncio
import time

import pytest
from django.conf import settings
from django.test import Client

from chat.database import run_in_db
from chat.errors import RateLimited
from chat.models import SignIn
from gql.tests.client import access_token

pytestmark = pytest.mark.django_db(transaction=True)

ADDED = "subscription($room: ID!, $since: Int) { messageAdded(roomId: $room, since: $since) { text } }"


@pytest.fixture
def quick_sweep(monkeypatch) -> None:
    monkeypatch.setattr("chat.access.sweeps.SWEEP_INTERVAL_S", 0.2)


async def test_queries_and_mutations_run_too(open_socket, grace, general):
    socket = await open_socket(grace).start()

    await socket.subscribe("a", "{ me { username } }")

    assert await socket.next_data("a") == {"me": {"username": "grace"}}
    assert await socket.receive() == {"id": "a", "type": "complete"}
    await socket.subscribe(
        "a", f'mutation {{ sendMessage(input: {{roomId: {general.pk}, text: "hi"}}) {{ text }} }}'
    )
    assert await socket.next_data("a") == {"sendMessage": {"text": "hi"}}


async def test_pings_are_answered_with_their_payload(open_socket):
    socket = open_socket()
    await socket.connect()
    await socket.send({"type": "ping"})
    assert await socket.receive() == {"type": "pong"}
    await socket.send({"type": "ping", "payload": {"n": 1}})
    assert await socket.receive() == {"type": "pong", "payload": {"n": 1}}


async def test_a_session_cookie_of_this_site_is_accepted_and_from_elsewhere_refused(open_socket, grace):
    def sign_in() -> bytes:
        browser = Client()
        browser.force_login(grace)
        return (
            f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}".encode()
        )

    cookie = (b"cookie", await run_in_db(sign_in))
    ours = open_socket(headers=(cookie, (b"origin", b"http://localhost")))
    theirs = open_socket(headers=(cookie, (b"origin", b"http://evil.example")))
    for socket in (ours, theirs):
        await socket.connect()
        await socket.send({"type": "connection_init"})

    assert await ours.receive() == {"type": "connection_ack"}
    assert await theirs.close_code() == 4403


@pytest.mark.parametrize(
    ("payload", "code", "reason"),
    [
        (None, 4403, "Send connection_init with"),
        ({}, 4403, "Send connection_init with"),
        ({"authorization": "Bearer nonsense"}, 4403, "The access token is not valid"),
        ({"authorization": "nonsense"}, 4403, "Send the access token as `Authorization: Bearer"),
        ({"authorization": 7}, 4403, "Send the access token as `Authorization: Bearer"),
        ([], 4400, "The payload must be an object"),
    ],
)
async def test_a_connection_without_valid_proof_is_refused(open_socket, db, payload, code, reason):
    socket = open_socket()
    await socket.connect()
    await socket.send({"type": "connection_init", "payload": payload})
    closed = await socket.close()
    assert closed["code"] == code
    assert closed["reason"].startswith(reason)
    assert len(closed["reason"].encode()) <= 123  # RFC 6455: a control frame, less the code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", 4400),
        ("[]", 4400),
        ("{}", 4400),
        ('{"type": "start"}', 4400),
        ('{"type": 1}', 4400),
        ('{"type": "connection_init"}', 4429),
        ('{"type": "subscribe", "payload": {"query": "{ me { id } }"}}', 4400),
        ('{"type": "subscribe", "id": "", "payload": {"query": "{ me { id } }"}}', 4400),
        ('{"type": "subscribe", "id": "1"}', 4400),
        ('{"type": "subscribe", "id": "1", "payload": {"query": 1}}', 4400),
        ('{"type": "complete"}', 4400),
        (" " * 1_000_001, 1009),
    ],
)
async def test_malformed_messages_close_the_socket(open_socket, grace, text, code):
    socket = await open_socket(grace).start()
    await socket.send_text(text)
    assert await socket.close_code() == code


async def test_subscribing_before_the_acknowledgement_is_unauthorised(open_socket):
    socket = open_socket()
    await socket.connect()
    await socket.subscribe("1", "{ me { id } }")
    assert await socket.close_code() == 4401


async def test_a_second_operation_with_the_same_id_is_refused(open_socket, grace, general):
    socket = await open_socket(grace).start()
    await socket.subscribe("1", ADDED, room=general.pk)
    await socket.subscribe("1", ADDED, room=general.pk)
    assert await socket.close_code() == 4409


async def test_another_subprotocol_is_not_acceptable(open_socket):
    socket = open_socket(protocol="graphql-ws")
    await socket.connect()
    assert await socket.close_code() == 4406


async def test_a_client_that_does_not_initialise_is_closed(open_socket, monkeypatch):
    monkeypatch.setattr("gql.transports.websocket.INIT_TIMEOUT_S", 0.1)
    socket = open_socket()
    await socket.connect()
    assert await socket.close_code() == 4408


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ me { ", "BAD_USER_INPUT"),
        ("{ nonsense }", "BAD_USER_INPUT"),
        ("subscription { messageAdded(roomId: 987654) { text } }", "NOT_FOUND"),
        ("subscription { answerStream(answerId: 987654) { __typename } }", "NOT_FOUND"),
        ("subscription { documentProgress(documentId: 987654) { id } }", "NOT_FOUND"),
    ],
)
async def test_operations_that_cannot_begin_end_with_an_error_message(open_socket, grace, query, code):
    socket = await open_socket(grace).start()

    await socket.subscribe("1", query)

    message = await socket.receive()
    assert (message["type"], message["id"]) == ("error", "1")
    assert message["payload"][0]["extensions"]["code"] == code
    await socket.subscribe("1", "{ me { username } }")  # the id is free again
    assert await socket.next_data() == {"me": {"username": "grace"}}


async def test_since_must_be_a_version_of_the_room(open_socket, grace, general):
    socket = await open_socket(grace).start()
    for since in (-1, 1):
        await socket.subscribe("1", ADDED, room=general.pk, since=since)
        [error] = (await socket.receive())["payload"]
        assert error["extensions"]["fields"] == {"since": "must lie between 0 and 0"}


async def test_a_revoked_sign_in_closes_the_connection(open_socket, grace, quick_sweep):
    socket = await open_socket(grace).start()
    await SignIn.objects.filter(user=grace).aupdate(revoked_at="2026-01-01T00:00Z")
    assert await socket.close_code() == 4403


async def test_an_expired_token_closes_the_connection(open_socket, grace, quick_sweep, monkeypatch):
    socket = await open_socket(grace).start()
    in_an_hour = time.time() + 3600
    monkeypatch.setattr("chat.access.sweeps.time.time", lambda: in_an_hour)
    assert await socket.close_code() == 4403


async def test_a_changed_password_closes_the_connection(open_socket, grace, quick_sweep):
    socket = await open_socket(grace).start()
    grace.set_password("another horse")
    await grace.asave()
    assert await socket.close_code() == 4403


async def test_operations_run_as_the_account_is_now(open_socket, grace, quick_sweep):
    socket = await open_socket(grace).start()
    await type(grace).objects.filter(pk=grace.pk).aupdate(display_name="Amazing Grace")
    names = []
    async with asyncio.timeout(60):
        while "Amazing Grace" not in names:  # the sweep comes soon
            operation_id = str(len(names))
            await socket.subscribe(operation_id, "{ me { displayName } }")
            names.append((await socket.next_data(operation_id))["me"]["displayName"])
            assert await socket.receive() == {"id": operation_id, "type": "complete"}
    assert set(names) <= {grace.display_name, "Amazing Grace"}


async def test_who_is_connected_is_online(open_socket, as_user, ada, grace):
    socket = await open_socket(grace).start()
    query = "query($id: ID!) { user(id: $id) { presence } }"
    await socket.subscribe("1", query, id=grace.pk)
    await socket.next_data()

    assert (await as_user(ada).data(query, id=grace.pk))["user"] == {"presence": "ONLINE"}
    assert (await as_user(ada).data(query, id=ada.pk))["user"] == {"presence": "OFFLINE"}


async def test_a_token_in_the_handshake_headers_is_proof_as_well(open_socket, grace):
    header = (b"authorization", f"Bearer {await access_token(grace)}".encode())
    socket = open_socket(headers=(header,))
    await socket.connect()
    await socket.send({"type": "connection_init"})
    assert await socket.receive() == {"type": "connection_ack"}


@pytest.mark.parametrize("kind", ["query", "mutation"])
async def test_an_unexpected_error_is_told_and_frees_the_id(open_socket, grace, monkeypatch, kind):
    async def fail(*args: object) -> None:
        raise RuntimeError("the secret of the database")

    socket = await open_socket(grace).start()
    with monkeypatch.context() as patch:
        patch.setattr("gql.execution.execute_operation", fail)
        await socket.subscribe("1", f"{kind} {{ __typename }}")
        message, end = await socket.receive(), await socket.receive()

    assert (message["type"], message["payload"]["data"]) == ("next", None)
    [error] = message["payload"]["errors"]
    assert error["extensions"]["code"] == "INTERNAL" and "secret" not in str(error)
    assert end == {"id": "1", "type": "complete"}
    await socket.subscribe("1", "{ me { username } }")
    assert await socket.next_data() == {"me": {"username": "grace"}}


async def test_an_operation_that_breaks_off_leaves_its_id_free(open_socket, grace, monkeypatch):
    async def broken(*args: object):
        raise RuntimeError
        yield

    socket = await open_socket(grace).start()
    with monkeypatch.context() as patch:
        patch.setattr("gql.transports.websocket.stream", broken)
        await socket.subscribe("1", "{ me { username } }")
        assert await socket.is_silent()

    await socket.subscribe("1", "{ me { username } }")
    assert await socket.next_data() == {"me": {"username": "grace"}}


async def test_more_operations_than_allowed_are_told_to_wait(open_socket, grace, general, monkeypatch):
    monkeypatch.setattr("gql.transports.websocket.MAX_OPERATIONS", 1)
    socket = await open_socket(grace).start()
    await socket.subscribe("1", ADDED, room=general.pk)

    await socket.subscribe("2", "{ me { id } }")

    message = await socket.receive()
    assert (message["id"], message["type"]) == ("2", "error")
    assert message["payload"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_a_user_has_so_many_sockets_and_no_more(open_socket, grace, settings):
    settings.SOCKET_MAX_CONNECTIONS_PER_USER = 1
    settings.RATE_LIMITS = True
    first = await open_socket(grace).start()
    second = open_socket()
    await second.connect()
    token = await access_token(grace)
    await second.send({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})

    assert await second.close_code() == 1013
    await first.subscribe("1", "{ me { username } }")
    assert await first.next_data() == {"me": {"username": "grace"}}


async def test_an_address_that_connects_too_often_is_refused(open_socket, monkeypatch):
    def full(name: str, **who: object) -> None:
        raise RateLimited(f"Too many {name}.")

    monkeypatch.setattr("gql.transports.websocket.limits.check", full)
    socket = open_socket()
    await socket.communicator.send_input({"type": "websocket.connect"})
    assert (await socket.communicator.receive_output(60))["type"] == "websocket.close"
