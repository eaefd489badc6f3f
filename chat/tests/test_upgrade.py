"""The change of a session from polling to a WebSocket: nothing is lost, and nobody else can take the session over."""

import asyncio

import pytest

from chat import actions
from chat.database import run_in_db
from chat.routing import server
from chat.tests.polling_client import BAD_REQUEST, PollingClient, poll_as, until_waiting
from chat.tests.test_socket_connect import session_cookie

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_session_goes_on_over_a_websocket(ada, grace, general):
    client = await poll_as(ada)
    await client.send(f'420["join-room","{general.pk}"]')
    await client.poll()
    poll = asyncio.create_task(client.poll())
    await until_waiting()

    socket = await client.upgrade()

    assert await poll == ["6"]
    await run_in_db(actions.post_message, grace, room_id=general.pk, text="from grace")
    assert (await socket.event("new-message"))[1]["text"] == "from grace"
    assert (await socket.emit("leave-room", str(general.pk)))["ok"]
    await socket.disconnect()
    assert server.find(client.sid) is None


async def test_a_poll_after_the_probe_ends_soon_and_with_nothing(ada):
    client = await poll_as(ada)
    socket = client.probe()
    assert await socket.accepted()
    await socket.send("2probe")
    assert await socket.receive() == "3probe"

    assert await client.poll() == ["6"]

    await socket.disconnect()
    await client.close()


async def test_output_of_the_time_of_the_probe_comes_over_the_websocket_in_order(ada):
    client = await poll_as(ada)
    socket = client.probe()
    assert await socket.accepted()
    await socket.send("2probe")
    assert await socket.receive() == "3probe"
    session = server.find(client.sid).session

    for number in range(3):
        session.send(f"42[{number}]")
    await socket.send("5")
    await until_waiting()
    session.send("42[3]")

    assert [await socket.receive() for _ in range(4)] == ["42[0]", "42[1]", "42[2]", "42[3]"]
    await socket.disconnect()


async def test_after_the_upgrade_the_other_transport_is_refused(ada):
    client = await poll_as(ada)
    socket = await client.upgrade()
    await until_waiting()

    assert (await client.get()).problem == BAD_REQUEST
    assert (await client.post('420["leave-room","1"]')).problem == BAD_REQUEST
    second = client.probe()
    assert await second.accepted()
    assert await second.closed() == []
    assert (await socket.emit("leave-room", "1"))["ok"]
    await socket.disconnect()


async def test_a_probe_that_fails_leaves_the_session_polling(ada):
    client = await poll_as(ada)
    socket = client.probe()
    assert await socket.accepted()
    await socket.send("2probe")
    assert await socket.receive() == "3probe"

    await socket.disconnect()

    await client.send('427["leave-room","1"]')
    assert await client.poll() == ['437[{"ok":true}]']
    await (await client.upgrade()).disconnect()


@pytest.mark.parametrize("frame", ["5", "4hello", "2", b"2probe"])
async def test_what_is_no_probe_closes_the_websocket(ada, frame):
    client = await poll_as(ada)
    socket = client.probe()
    assert await socket.accepted()

    await socket.send(frame)

    assert await socket.closed() == []
    await (await client.upgrade()).disconnect()


async def test_a_probe_that_comes_to_nothing_is_closed(ada, monkeypatch):
    monkeypatch.setattr("chat.sockets.websocket_consumer.PROBE_TIMEOUT_S", 0.05)
    client = await poll_as(ada)
    socket = client.probe()
    assert await socket.accepted()

    assert await socket.closed() == []
    await client.close()


async def test_a_session_that_ends_takes_its_probe_along(ada):
    client = await poll_as(ada)
    socket = client.probe()
    assert await socket.accepted()

    await client.close()

    assert await socket.closed() == []


async def test_a_websocket_of_an_unknown_session_is_refused():
    client = PollingClient()
    client.sid = "guessed"

    assert not await client.probe().accepted()


async def test_a_websocket_with_somebody_elses_cookie_does_not_change_who_is_there(ada, grace, general):
    client = await poll_as(ada)
    client.headers.append(await session_cookie(grace))

    socket = await client.upgrade()

    answer = await socket.emit("send-message", str(general.pk), "who am I?")
    assert answer["message"]["author"]["username"] == "ada"
    await socket.disconnect()
