"""Sessions over several processes when a client, a process or Redis goes away."""

import asyncio

import pytest

from chat.sockets.remote import calls as remote_calls
from chat.sockets.remote import line as remote_line
from chat.tests.polling_client import HANDSHAKE, UNKNOWN_SESSION, until_waiting
from chat.tests.processes import Process
from chat.tests.waiting import eventually

# ------------------------------------------------------------------------------------------ who goes away


async def test_a_client_that_hangs_up_elsewhere_ends_its_session(here, there):
    client = await here.client().open()
    poll = there.see(client).start("GET", {**HANDSHAKE, "sid": client.sid})
    await poll.send_input({"type": "http.request"})
    await until_waiting()

    await poll.send_input({"type": "http.disconnect"})

    await poll.wait()
    await eventually(lambda: here.held(client) is None)
    await eventually(lambda: not there.calls._open and not here.calls._served)


async def test_a_client_that_hangs_up_within_its_post_elsewhere_ends_its_session(here, there):
    client = await here.client().open()
    post = there.see(client).start("POST", {**HANDSHAKE, "sid": client.sid})
    await post.send_input({"type": "http.request", "body": b"4", "more_body": True})
    await until_waiting()

    await post.send_input({"type": "http.disconnect"})

    await post.wait()
    await eventually(lambda: here.held(client) is None)


async def test_a_holder_that_dies_ends_what_waits_for_it(here, there):
    polling, upgraded = await here.client().open(), await here.client().open()
    poll = asyncio.create_task(there.see(polling).get())
    socket = await there.see(upgraded).upgrade()
    await until_waiting()

    here.die()

    assert (await poll).problem == UNKNOWN_SESSION
    assert await socket.closed() == []
    assert (await there.see(polling).get()).problem == UNKNOWN_SESSION
    assert (await there.see(polling).post("4hello")).problem == UNKNOWN_SESSION
    assert not there.calls._open


async def test_a_process_that_dies_takes_the_sessions_of_its_clients_along(here, there):
    polling, upgraded = await here.client().open(), await here.client().open()
    poll = asyncio.create_task(there.see(polling).get())
    await there.see(upgraded).upgrade()
    await until_waiting()

    there.die()

    await eventually(lambda: here.held(polling) is None and here.held(upgraded) is None)
    poll.cancel()


async def test_a_holder_that_is_silent_is_given_up(here, there, monkeypatch):
    monkeypatch.setattr(remote_calls, "SILENCE_S", 0.3)
    monkeypatch.setattr(remote_calls, "ALIVE_INTERVAL_S", 0.1)
    client = await here.client().open()
    poll = asyncio.create_task(there.see(client).get())
    await until_waiting()

    here.calls._watcher.cancel()

    assert (await poll).problem == UNKNOWN_SESSION


async def test_a_holder_that_says_that_it_lives_is_waited_for(here, there, monkeypatch):
    monkeypatch.setattr(remote_calls, "SILENCE_S", 2.0)
    monkeypatch.setattr(remote_calls, "ALIVE_INTERVAL_S", 0.1)
    client = await here.client().open()
    poll = asyncio.create_task(there.see(client).poll())

    await asyncio.sleep(2.5)  # longer than it may be silent, which it may be for a while on a busy machine
    await client.send("4hello")

    assert await poll == ["4hello"]
    await client.close()


# ------------------------------------------------------------------------------------------------- Redis


async def test_a_lost_connection_to_redis_ends_what_waits_and_the_next_session_works(
    here, there, monkeypatch
):
    monkeypatch.setattr(remote_line, "RECONNECT_S", 0.05)
    client = await here.client().open()
    poll = asyncio.create_task(there.see(client).get())
    await until_waiting()

    await cut_lines(there)

    assert (await poll).status == 503
    await eventually(lambda: here.held(client) is None)
    await eventually(lambda: there.calls._line.is_up)
    client = await here.client().open()
    await there.see(client).send("4hello")
    assert await there.see(client).poll() == ["4hello"]
    await client.close()


@pytest.mark.parametrize("interval_s", [0.02, 1.0], ids=["heard before", "not heard before"])
async def test_a_holder_that_lost_its_connection_says_so(here, there, monkeypatch, interval_s):
    monkeypatch.setattr(remote_line, "RECONNECT_S", 0.05)
    monkeypatch.setattr(remote_calls, "ALIVE_INTERVAL_S", interval_s)
    client = await here.client().open()
    poll = asyncio.create_task(there.see(client).get())
    await asyncio.sleep(0.1)

    await cut_lines(here)

    assert (await poll).problem == UNKNOWN_SESSION
    await eventually(lambda: here.held(client) is None)


async def test_without_redis_a_process_serves_its_own_sessions(here, there, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    client = await here.client().open()

    await client.send("4hello")

    assert await client.poll() == ["4hello"]
    assert (await there.see(client).get()).status == 503
    assert (await there.see(client).post("4hello")).status == 503
    assert not await there.see(client).probe().accepted()
    await client.close()


async def cut_lines(process: Process) -> None:
    """Close the process's subscription at the Redis server."""
    name = remote_line._channel(process.calls.address)
    redis = remote_line._connect()
    [connection] = [one for one in await redis.client_list(_type="pubsub") if one["name"] == name]
    await redis.client_kill_filter(_id=connection["id"])
    await redis.aclose()
