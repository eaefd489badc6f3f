"""Handshake, connecting to the namespace, heartbeat, and what a client gets that breaks the protocol."""

import asyncio
from time import time

import orjson
import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client

from chat.access import sweeps
from chat.database import run_in_db
from chat.models import SignIn
from chat.sockets import connection
from chat.tests.socket_client import WireClient, access_token, sign_in

pytestmark = pytest.mark.django_db(transaction=True)


async def session_cookie(user) -> tuple[bytes, bytes]:
    def make() -> bytes:
        client = Client()
        client.force_login(user)
        return client.cookies[settings.SESSION_COOKIE_NAME].value.encode()

    return (b"cookie", settings.SESSION_COOKIE_NAME.encode() + b"=" + await run_in_db(make))


@pytest.fixture
def quick_sweeps(monkeypatch):
    monkeypatch.setattr(sweeps, "SWEEP_INTERVAL_S", 0.1)


async def test_the_handshake_names_the_limits_of_the_settings():
    client = await WireClient().open()

    assert len(client.handshake.pop("sid")) >= 20
    assert client.handshake == {
        "upgrades": [],
        "pingInterval": settings.SOCKET_PING_INTERVAL_MS,
        "pingTimeout": settings.SOCKET_PING_TIMEOUT_MS,
        "maxPayload": settings.SOCKET_MAX_PAYLOAD_BYTES,
    }
    await client.disconnect()


async def test_the_path_needs_no_slash_at_its_end():
    client = await WireClient(path="/socket.io?EIO=4&transport=websocket").open()

    await client.disconnect()


@pytest.mark.parametrize(
    "query", ["", "EIO=3&transport=websocket", "EIO=4&transport=polling", "EIO=4&transport=websocket&sid=x"]
)
async def test_another_protocol_is_refused(query):
    client = WireClient(path=f"/socket.io/?{query}")

    assert not await client.accepted()


async def test_a_token_connects(ada):
    client = await WireClient().open()

    answer = await client.connect({"token": await access_token(ada)})

    assert answer.startswith('40{"sid":"')
    await client.disconnect()


async def test_a_session_cookie_connects_from_a_page_of_this_site(ada):
    client = await WireClient(await session_cookie(ada), (b"origin", b"http://localhost")).open()

    assert (await client.connect()).startswith('40{"sid":"')
    await client.disconnect()


async def test_a_session_cookie_does_not_connect_from_another_site(ada):
    client = await WireClient(await session_cookie(ada), (b"origin", b"https://evil.example")).open()

    assert orjson.loads((await client.connect())[2:])["data"] == {"code": "UNAUTHENTICATED"}
    await client.disconnect()


@pytest.mark.parametrize("auth", [None, {}, {"token": "nonsense"}, {"token": 1}, {"token": {"a": 1}}])
async def test_nobody_connects_without_a_valid_proof(db, auth):
    client = await WireClient().open()

    answer = await client.connect(auth)

    assert answer.startswith("44")
    problem = orjson.loads(answer[2:])
    assert problem["data"] == {"code": "UNAUTHENTICATED"}
    assert problem["message"]
    await client.disconnect()


async def test_an_unknown_namespace_is_refused(ada):
    client = await WireClient().open()

    await client.send("40/admin,{}")

    answer = await client.receive()
    assert answer == '44/admin,{"message":"Invalid namespace"}'
    await client.disconnect()


async def test_a_client_that_connects_to_no_namespace_is_closed(monkeypatch):
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT_S", 0.1)
    client = await WireClient().open()

    assert await client.closed() == []


async def test_a_client_that_leaves_the_namespace_may_connect_again(ada):
    client = await sign_in(ada)

    await client.send("41")

    assert (await client.connect({"token": await access_token(ada)})).startswith("40")
    await client.disconnect()


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "9",
        "2",
        "0",
        "4",
        "4x",
        "42{}",
        '42["connect"]',
        '42["a"',
        '42/admin,["a"]',
        '451-["a"',
        "44{}",
        b"x",
    ],
)
async def test_a_client_that_breaks_the_protocol_is_closed(ada, frame):
    client = await sign_in(ada)

    await client.send(frame)

    assert await client.closed() == []


async def test_an_event_before_connecting_closes():
    client = await WireClient().open()

    await client.send('42["join-room","1"]')

    assert await client.closed() == []


async def test_the_server_pings_and_an_answer_keeps_the_connection(ada, settings):
    settings.SOCKET_PING_INTERVAL_MS, settings.SOCKET_PING_TIMEOUT_MS = 400, 60_000  # it signs in meanwhile
    client = await sign_in(ada)

    for _ in range(3):
        assert await client.receive() == "2"
        await client.send("3")

    await client.disconnect()


async def test_a_client_that_answers_no_ping_is_closed(ada, settings):
    settings.SOCKET_PING_INTERVAL_MS, settings.SOCKET_PING_TIMEOUT_MS = 400, 50
    client = await sign_in(ada)

    assert await client.closed() == ["2"]


async def test_a_revoked_sign_in_ends_the_connection(ada, quick_sweeps):
    client = await sign_in(ada)

    await SignIn.objects.aupdate(revoked_at="2026-01-01T00:00Z")

    ended, left = await client.closed()
    assert orjson.loads(ended[2:])[1]["code"] == "UNAUTHENTICATED"
    assert left == "41"


async def test_a_deactivated_user_loses_the_connection(ada, quick_sweeps):
    client = await WireClient(await session_cookie(ada)).open()
    await client.connect()

    await get_user_model().objects.aupdate(is_active=False)

    assert (await client.closed())[-1] == "41"


async def test_an_expired_token_ends_the_connection(ada, quick_sweeps, monkeypatch):
    client = await sign_in(ada)

    monkeypatch.setattr("chat.access.sweeps.time.time", lambda: time() + 3600)

    assert (await client.closed())[-1] == "41"


async def test_a_renewed_token_keeps_the_connection(ada, quick_sweeps):
    client = await sign_in(ada)
    old = await SignIn.objects.aget()

    assert await client.emit("renew-token", {"token": await access_token(ada)}) == {"ok": True}

    await SignIn.objects.filter(pk=old.pk).aupdate(revoked_at="2026-01-01T00:00Z")
    await asyncio.sleep(0.4)
    assert (await client.emit("leave-room", "1"))["ok"]
    await client.disconnect()


async def test_nobody_renews_with_the_token_of_somebody_else(ada, grace):
    client = await sign_in(ada)

    answer = await client.emit("renew-token", {"token": await access_token(grace)})

    assert answer["error"]["code"] == "FORBIDDEN"
    await client.disconnect()


async def test_an_oversized_frame_is_refused_with_its_ack(ada):
    client = await sign_in(ada)

    await client.send('427["send-message","1","' + "x" * settings.SOCKET_MAX_PAYLOAD_BYTES + '"]')

    frame = await client.receive()
    assert frame.startswith('437[{"ok":false,"error":{"code":"PAYLOAD_TOO_LARGE"')
    assert (await client.emit("leave-room", "1"))["ok"]
    await client.disconnect()


async def test_an_oversized_frame_counts_bytes(ada):
    client = await sign_in(ada)

    await client.send('427["send-message","1","' + "\u20ac" * (settings.SOCKET_MAX_PAYLOAD_BYTES // 3) + '"]')

    assert "PAYLOAD_TOO_LARGE" in await client.receive()
    await client.disconnect()


async def test_an_oversized_binary_frame_closes(ada):
    client = await sign_in(ada)

    await client.send(b"x" * (settings.SOCKET_MAX_PAYLOAD_BYTES + 1))

    assert await client.closed() == []
