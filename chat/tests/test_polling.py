"""HTTP long-polling: who is let in, what a poll waits for, how a session ends, and what is refused."""

import asyncio

import orjson
import pytest
from django.conf import settings
from django.test import override_settings

from chat import actions
from chat.database import run_in_db
from chat.routing import server
from chat.sockets import engine, polling, polling_consumer
from chat.tests.polling_client import (
    BAD_REQUEST,
    HANDSHAKE,
    UNKNOWN_SESSION,
    PollingClient,
    poll_as,
    until_waiting,
)
from chat.tests.socket_client import access_token
from chat.tests.test_socket_connect import session_cookie
from chat.tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)
ELSEWHERE = (b"origin", b"https://elsewhere.example")
quick_heartbeat = override_settings(SOCKET_PING_INTERVAL_MS=100, SOCKET_PING_TIMEOUT_MS=100)


# ------------------------------------------------------------------------------------------- handshake


async def test_the_handshake_offers_the_upgrade_and_names_the_limits():
    client = await PollingClient().open()

    assert len(client.handshake.pop("sid")) >= 20
    assert client.handshake == {
        "upgrades": ["websocket"],
        "pingInterval": settings.SOCKET_PING_INTERVAL_MS,
        "pingTimeout": settings.SOCKET_PING_TIMEOUT_MS,
        "maxPayload": settings.SOCKET_MAX_PAYLOAD_BYTES,
    }
    await client.close()


async def test_the_path_needs_no_slash_at_its_end():
    client = await PollingClient(path="/socket.io").open()

    await client.close()


@pytest.mark.parametrize(
    ("method", "query", "code"),
    [
        ("GET", {"EIO": "4"}, 0),
        ("GET", {"EIO": "4", "transport": "carrier-pigeon"}, 0),
        ("GET", {**HANDSHAKE, "sid": "guessed"}, 1),
        ("POST", {**HANDSHAKE, "sid": "guessed"}, 1),
        ("POST", HANDSHAKE, 2),
        ("PUT", HANDSHAKE, 2),
        ("GET", {"EIO": "4", "transport": "websocket"}, 3),
        ("GET", {"transport": "polling"}, 5),
        ("GET", {"EIO": "3", "transport": "polling"}, 5),
    ],
)
async def test_what_is_not_of_the_protocol_is_refused_with_a_code(method, query, code):
    sessions = len(server._transports)

    answer = await PollingClient().request(method, query)

    assert answer.problem["code"] == code
    assert answer.headers[b"content-type"] == b"application/json"
    assert len(server._transports) == sessions


async def test_a_process_takes_only_so_many_sessions(monkeypatch):
    monkeypatch.setattr(polling, "SESSIONS_MAX", len(server._transports))

    assert (await PollingClient().request("GET", HANDSHAKE)).status == 503


# ---------------------------------------------------------------------------------------- who is there


async def test_a_token_connects(ada):
    client = await poll_as(ada)

    await client.close()


async def test_a_session_cookie_connects_from_a_page_of_this_site(ada):
    client = await PollingClient(await session_cookie(ada), (b"origin", b"http://localhost")).open()

    assert (await client.connect()).startswith('40{"sid":"')
    await client.close()


async def test_a_session_cookie_does_not_connect_from_another_site(ada):
    client = await PollingClient(await session_cookie(ada), ELSEWHERE).open()

    assert orjson.loads((await client.connect())[2:])["data"] == {"code": "UNAUTHENTICATED"}
    await client.close()


async def test_a_cookie_that_comes_after_the_handshake_proves_nothing(ada):
    client = await PollingClient().open()
    client.headers.append(await session_cookie(ada))

    assert orjson.loads((await client.connect())[2:])["data"] == {"code": "UNAUTHENTICATED"}
    await client.close()


async def test_no_page_of_another_site_may_read_an_answer(ada):
    answer = await PollingClient(ELSEWHERE).request("GET", HANDSHAKE)
    preflight = await PollingClient(ELSEWHERE).request("OPTIONS", HANDSHAKE)

    assert not [name for name in (answer.headers | preflight.headers) if name.startswith(b"access-control")]
    assert preflight.status == 400


async def test_a_page_of_a_trusted_origin_may_use_the_session_cookie(ada, settings):
    settings.CSRF_TRUSTED_ORIGINS = [ELSEWHERE[1].decode()]
    client = PollingClient(await session_cookie(ada), ELSEWHERE)

    preflight = await client.request("OPTIONS", HANDSHAKE)
    answer = await client.request("GET", HANDSHAKE)

    assert preflight.status == 200
    for headers in (preflight.headers, answer.headers):
        assert headers[b"access-control-allow-origin"] == ELSEWHERE[1]
        assert headers[b"access-control-allow-credentials"] == b"true"
    await client.open()
    assert (await client.connect()).startswith('40{"sid":"')
    await client.close()


# --------------------------------------------------------------------------------------- polls and posts


async def test_events_and_acknowledgements_travel_over_polling(ada, grace, general):
    client = await poll_as(ada)

    await client.send(f'420["join-room","{general.pk}"]', f'421["send-message","{general.pk}","hello"]')
    packets: list[str] = []
    while not any(p.startswith("431") for p in packets) or not any(p.startswith('42["new') for p in packets):
        packets += await client.poll()
    await run_in_db(actions.post_message, grace, room_id=general.pk, text="from grace")
    [live] = await client.poll()

    assert packets[0].startswith('430[{"ok":true')
    assert orjson.loads(live[2:])[1]["text"] == "from grace"
    await client.close()


async def test_a_poll_waits_for_output(ada):
    client = await poll_as(ada)
    poll = asyncio.create_task(client.poll())
    await until_waiting()

    await client.send('427["leave-room","1"]')

    assert await poll == ['437[{"ok":true}]']
    await client.close()


async def test_of_two_polls_at_once_the_session_dies(ada):
    client = await poll_as(ada)
    first = asyncio.create_task(client.poll())
    await until_waiting()

    assert (await client.get()).problem == BAD_REQUEST
    assert await first == ["1"]
    assert (await client.get()).problem == UNKNOWN_SESSION


async def test_of_two_posts_at_once_the_session_dies(ada):
    client = await poll_as(ada)
    first = client.start("POST", {**HANDSHAKE, "sid": client.sid})
    await first.send_input({"type": "http.request", "body": b"4", "more_body": True})
    await until_waiting()

    assert (await client.post('420["leave-room","1"]')).problem == BAD_REQUEST
    assert (await client.get()).problem == UNKNOWN_SESSION
    await first.send_input({"type": "http.disconnect"})
    await first.wait()


@pytest.mark.parametrize("body", ["abc", "", "4\x1e", "b!", b"\xff", "2", "0{}", "4abc", "bAAAA"])
async def test_a_malformed_payload_ends_the_session(ada, body):
    client = await poll_as(ada)

    await client.post(body)

    await eventually(lambda: server.find(client.sid) is None)
    assert (await client.get()).problem == UNKNOWN_SESSION


async def test_other_methods_are_refused(ada):
    client = await poll_as(ada)

    answer = await client.request("DELETE", {**HANDSHAKE, "sid": client.sid})

    assert answer.problem == BAD_REQUEST
    await client.close()


@pytest.mark.parametrize(
    "headers", [[], [(b"content-length", b"1000001")], [(b"content-length", b"9000000")]]
)
async def test_a_payload_that_is_too_large_ends_the_session(ada, headers):
    client = await poll_as(ada)
    client.headers += headers

    answer = await client.post(b"4" + b"x" * settings.SOCKET_MAX_PAYLOAD_BYTES)

    assert (answer.status, answer.text) == (413, "")
    assert (await client.get()).problem == UNKNOWN_SESSION


async def test_a_payload_that_trickles_in_ends_the_session(ada, monkeypatch):
    monkeypatch.setattr(polling_consumer, "POST_MAX_S", 0.3)
    monkeypatch.setattr("project.request_limits.DRAIN_MAX_S", 0.1)
    client = await poll_as(ada)
    request = client.start("POST", {**HANDSHAKE, "sid": client.sid})

    async def trickle() -> None:
        while True:
            await request.send_input({"type": "http.request", "body": b"4", "more_body": True})
            await asyncio.sleep(0.05)

    trickling = asyncio.ensure_future(trickle())
    answer = await request.receive_output(60)
    trickling.cancel()

    assert answer["status"] == 408
    assert (await client.get()).problem == UNKNOWN_SESSION
    await request.send_input({"type": "http.disconnect"})
    await request.wait()


async def test_a_payload_of_the_limit_is_taken(ada):
    client = await poll_as(ada)
    filler = "x" * (settings.SOCKET_MAX_PAYLOAD_BYTES - len('420["leave-room",""]'))

    await client.send(f'420["leave-room","{filler}"]')

    assert '"NOT_FOUND"' in (await client.poll())[0]
    await client.close()


async def test_a_token_renews_over_polling(ada):
    client = await poll_as(ada)

    await client.send(f'420["renew-token",{{"token":"{await access_token(ada)}"}}]')

    assert await client.poll() == ['430[{"ok":true}]']
    await client.close()


# ----------------------------------------------------------------------------------------------- the end


async def test_a_client_that_closes_ends_its_poll(ada):
    client = await poll_as(ada)
    poll = asyncio.create_task(client.poll())
    await until_waiting()

    await client.close()

    assert await poll == ["6"]
    assert (await client.get()).problem == UNKNOWN_SESSION


async def test_a_client_that_goes_during_its_poll_has_left(ada, general):
    client = await poll_as(ada)
    poll = client.start("GET", {**HANDSHAKE, "sid": client.sid})
    await poll.send_input({"type": "http.request"})
    await until_waiting()

    await poll.send_input({"type": "http.disconnect"})

    await poll.wait()
    await eventually(lambda: server.find(client.sid) is None)


async def test_a_client_whose_access_ends_is_told_at_its_next_poll(ada, monkeypatch):
    monkeypatch.setattr("chat.access.sweeps.SWEEP_INTERVAL_S", 0.1)
    client = await PollingClient(await session_cookie(ada)).open()
    await client.connect()

    await type(ada).objects.aupdate(is_active=False)
    transport = server.find(client.sid)
    await eventually(lambda: transport.session.closed)

    told, left, closed = await client.poll()
    assert told.startswith('42["session-ended"')
    assert (left, closed) == ("41", "1")
    assert (await client.get()).problem == UNKNOWN_SESSION


async def test_last_words_that_nobody_fetches_are_forgotten(ada, monkeypatch):
    monkeypatch.setattr(polling, "LINGER_S", 0.05)
    client = await poll_as(ada)
    transport = server.find(client.sid)

    transport.session.send("42[1]")
    transport.session.close("access ended")

    assert server.find(client.sid) is transport
    await eventually(lambda: server.find(client.sid) is None)


@override_settings(SOCKET_PING_INTERVAL_MS=100, SOCKET_PING_TIMEOUT_MS=60_000)
async def test_a_heartbeat_keeps_the_session(ada):
    """The next ping comes only after an answer."""
    client = await poll_as(ada)

    for _ in range(4):
        assert await client.poll() == ["2"]
        await client.send("3")

    await client.close()


@quick_heartbeat
async def test_a_client_that_does_not_poll_is_forgotten_with_all_that_waits_for_it(ada):
    client = await poll_as(ada)
    session = server.find(client.sid).session
    session.send("42[1]")

    await eventually(lambda: session.closed)

    assert (await client.get()).problem == UNKNOWN_SESSION
    assert session.reason == "ping timeout"
    assert not session.has_output


async def test_what_waits_for_a_client_that_does_not_poll_is_bounded(ada):
    client = await poll_as(ada)
    session = server.find(client.sid).session

    for _ in range(engine.OUTBOX_MAX_PACKETS + 1):
        session.send("42[1]")

    assert session.overflowed and not session.has_output
    assert (await client.get()).problem == UNKNOWN_SESSION


async def test_a_client_that_connects_to_no_namespace_is_forgotten(monkeypatch):
    monkeypatch.setattr("chat.sockets.connection.CONNECT_TIMEOUT_S", 0.05)
    client = await PollingClient().open()

    await eventually(lambda: server.find(client.sid) is None)
