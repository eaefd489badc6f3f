"""Requests of a polling client that land in another process than the one that holds its session."""

import asyncio
from types import SimpleNamespace

import orjson
import pytest
from django.conf import settings

from chat import actions
from chat.database import run_in_db
from chat.sockets.remote import calls as remote_calls
from chat.sockets.remote import line as remote_line
from chat.sockets.remote import websocket as remote_websocket
from chat.sockets.remote.wire import Call, encode_message
from chat.tests.polling_client import BAD_REQUEST, HANDSHAKE, UNKNOWN_SESSION, until_waiting
from chat.tests.processes import Process, echo_process
from chat.tests.socket_client import access_token
from chat.tests.test_socket_connect import session_cookie
from chat.tests.waiting import eventually

STRANGER = "AAAAAAAAAAAA"


@pytest.fixture
async def here():
    return echo_process()


@pytest.fixture
async def there():
    return echo_process()


# ------------------------------------------------------------------------------------- polls and posts


async def test_a_message_that_is_posted_elsewhere_is_answered_to_a_poll_elsewhere(here, there):
    client = await here.client().open()
    elsewhere = there.see(client)

    await elsewhere.send("4hello", "bAQID", "4\u20ac")

    assert await elsewhere.poll() == ["4hello", "bAQID", "4\u20ac"]
    await client.send("4again")
    assert await elsewhere.poll() == ["4again"]
    assert there.held(client) is None
    await elsewhere.close()
    assert here.held(client) is None


async def test_a_poll_elsewhere_waits_for_output(here, there):
    client = await here.client().open()
    poll = asyncio.create_task(there.see(client).poll())
    await until_waiting()

    await client.send("4hello")

    assert await poll == ["4hello"]
    await client.close()


async def test_of_two_polls_at_once_in_two_processes_the_session_dies(here, there):
    client = await here.client().open()

    answers = await asyncio.gather(there.see(client).get(), client.get())

    waiting, second = sorted(answers, key=lambda answer: answer.status)
    assert (waiting.status, waiting.text) == (200, "1")
    assert second.problem == BAD_REQUEST
    assert (await there.see(client).get()).problem == UNKNOWN_SESSION


@pytest.mark.parametrize("body", ["abc", b"\xff", "b!"])
async def test_a_malformed_payload_ends_a_session_elsewhere(here, there, body):
    client = await here.client().open()

    assert (await there.see(client).post(body)).problem == BAD_REQUEST

    assert (await there.see(client).get()).problem == UNKNOWN_SESSION


async def test_a_payload_that_is_too_large_is_not_passed_on_and_ends_the_session(here, there):
    client = await here.client().open()
    elsewhere = there.see(client)

    answer = await elsewhere.post(b"4" + b"x" * settings.SOCKET_MAX_PAYLOAD_BYTES)

    assert (answer.status, answer.text) == (413, "")
    assert (await elsewhere.get()).problem == UNKNOWN_SESSION


async def test_a_payload_of_the_limit_is_passed_on(here, there):
    client = await here.client().open()
    text = "4" + "x" * (settings.SOCKET_MAX_PAYLOAD_BYTES - 1)

    await there.see(client).send(text)

    assert await there.see(client).poll() == [text]
    await client.close()


async def test_much_output_comes_in_several_polls_and_in_order(here, there):
    client = await here.client().open()
    sent = [f"4{number}" + "x" * 50_000 for number in range(20)]
    for packet in sent:
        here.held(client).session.send(packet)

    answers = [await there.see(client).poll() for _ in range(4)]

    assert [packet for answer in answers for packet in answer] == sent
    assert max(map(len, answers)) == 6
    await client.close()


async def test_the_last_words_of_a_session_come_in_several_polls(here, there):
    client = await here.client().open()
    for _ in range(8):
        here.held(client).session.send("4" + "x" * 50_000)
    here.held(client).close("access ended")

    answers = [await there.see(client).poll() for _ in range(2)]

    assert [len(answer) for answer in answers] == [6, 3]
    assert answers[1][-1] == "1"
    assert (await there.see(client).get()).problem == UNKNOWN_SESSION


async def test_other_methods_are_refused_elsewhere(here, there):
    client = await here.client().open()

    answer = await there.see(client).request("DELETE", {**HANDSHAKE, "sid": client.sid})

    assert answer.problem == BAD_REQUEST
    await client.close()


@pytest.mark.parametrize("end", [".", "." + "x" * 20, "!" + "x" * 20, "." + "x" * 19 + "\n"])
async def test_an_id_that_somebody_made_up_is_unknown(here, there, end):
    client = await here.client().open()
    forged = there.see(client)

    forged.sid = client.sid[:12] + end
    assert (await forged.get()).problem == UNKNOWN_SESSION
    assert (await forged.post("4hello")).problem == UNKNOWN_SESSION
    assert not await forged.probe().accepted()
    forged.sid = STRANGER + end
    assert (await forged.get()).problem == UNKNOWN_SESSION
    assert not await forged.probe().accepted()

    assert not there.calls._open
    await client.close()


# ---------------------------------------------------------------------------------------------- upgrades


async def test_a_session_goes_on_over_a_websocket_elsewhere(here, there):
    client = await here.client().open()
    poll = asyncio.create_task(client.poll())
    await until_waiting()

    socket = await there.see(client).upgrade()

    assert await poll == ["6"]
    await socket.send("4hello")
    assert await socket.receive() == "4hello"
    await socket.send(bytes([1, 2, 3]))
    assert (await socket.wire.receive_output(5))["bytes"] == bytes([1, 2, 3])
    for number in range(50):
        await socket.send(f"4{number}")
    assert [await socket.receive() for _ in range(50)] == [f"4{number}" for number in range(50)]
    assert (await client.get()).problem == BAD_REQUEST
    assert (await there.see(client).get()).problem == BAD_REQUEST
    await socket.disconnect()
    await eventually(lambda: here.held(client) is None)


async def test_what_was_sent_before_the_client_went_is_taken(here, there):
    taken = []
    client = await here.client().open()
    here.held(client).session.on_message = taken.append
    socket = await there.see(client).upgrade()

    for number in range(20):
        await socket.send(f"4{number}")
    await socket.disconnect()

    assert taken == [str(number) for number in range(20)]


async def test_a_probe_elsewhere_that_fails_leaves_the_session_polling(here, there):
    client = await here.client().open()
    socket = there.see(client).probe()
    assert await socket.accepted()
    await socket.send("2probe")
    assert await socket.receive() == "3probe"

    await socket.disconnect()

    await client.send("4hello")
    assert await client.poll() == ["4hello"]
    await (await there.see(client).upgrade()).disconnect()


async def test_a_session_that_ends_at_its_holder_closes_its_websocket_elsewhere(here, there):
    client = await here.client().open()
    socket = await there.see(client).upgrade()
    await until_waiting()
    session = here.held(client).session

    session.send("4last words")
    session.close("access ended")

    assert await socket.closed() == ["4last words"]
    await socket.disconnect()
    assert not there.calls._open
    assert not here.neighbours._websockets


async def test_a_websocket_elsewhere_whose_client_does_not_read_is_dropped(here, there):
    client = await here.client().open()
    socket = await there.see(client).upgrade()
    await until_waiting()
    socket.reads.clear()
    session = here.held(client).session

    while not session.closed:
        session.send("4" + "x" * 50_000)
        await asyncio.sleep(0)

    assert session.overflowed
    socket.reads.set()
    await socket.closed()
    await eventually(lambda: here.held(client) is None and not there.calls._open)


async def test_a_frame_that_is_too_large_is_cut_on_its_way(here, there):
    lengths = []
    client = await here.client().open()
    here.held(client).session.on_message = lambda message: lengths.append(len(message))
    socket = await there.see(client).upgrade()

    await socket.send("4" + "x" * 5_000_000)
    await socket.disconnect()

    assert lengths == [settings.SOCKET_MAX_PAYLOAD_BYTES + 1]


class StuckHolder:
    """It has ended, and what it said last does not go through."""

    async def run(self) -> None:
        await asyncio.sleep(0.05)

    async def take(self) -> list[dict]:
        return [{"type": "websocket.send", "text": "1"}]

    async def put(self, message: dict) -> None:
        pass


async def test_a_connection_whose_client_never_reads_its_last_words_is_dropped(monkeypatch):
    monkeypatch.setattr(remote_websocket, "LAST_WORDS_S", 0.05)
    dropped = asyncio.Event()
    never = asyncio.Event()

    async def stuck(*message: dict) -> None:
        await never.wait()

    raw = SimpleNamespace(ask_whether_known=lambda is_known: None, abort=dropped.set)
    await remote_websocket.carry_websocket(StuckHolder(), stuck, stuck, raw)

    async with asyncio.timeout(5):
        await dropped.wait()


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
    monkeypatch.setattr(remote_calls, "SILENCE_S", 0.3)
    monkeypatch.setattr(remote_calls, "ALIVE_INTERVAL_S", 0.1)
    client = await here.client().open()
    poll = asyncio.create_task(there.see(client).poll())

    await asyncio.sleep(1)
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


# ----------------------------------------------------------------------------------- what others may send


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"nonsense",
        b"\x93" + b"\x91" * 5000,
        encode_message(Call("short", 1, 1, "poll", [])),
        encode_message(Call(STRANGER, 1, 1, "no such method", [])),
        encode_message(Call(STRANGER, 1, 1, "poll", [])),
        encode_message(Call(STRANGER, 1, 1, "poll", [{"no": "sid"}])),
        encode_message(Call(STRANGER, 1, 1, "websocket", ["x", {}])),
        encode_message(Call(STRANGER, 1, 1, "websocket-put", [[], []])),
    ],
)
async def test_rubbish_on_the_line_breaks_nothing(here, there, data, caplog):
    client = await here.client().open()
    redis = remote_line._connect()

    await redis.publish(remote_line._channel(here.calls.address), data)

    await redis.aclose()
    await there.see(client).send("4hello")
    assert await there.see(client).poll() == ["4hello"]
    await client.close()


# ----------------------------------------------------------------------------------------------- the chat


@pytest.mark.django_db(transaction=True)
async def test_who_is_there_follows_from_the_handshake_wherever_requests_land(ada, grace, general):
    here, there = Process(), Process()
    client = await here.client().open()
    elsewhere = there.see(client)
    elsewhere.headers.append(await session_cookie(grace))
    await elsewhere.send("40" + orjson.dumps({"token": await access_token(ada)}).decode())
    assert (await elsewhere.poll())[0].startswith('40{"sid":"')

    await elsewhere.send(f'420["join-room","{general.pk}"]', f'421["send-message","{general.pk}","hello"]')
    packets: list[str] = []
    while not any(packet.startswith("431") for packet in packets):
        packets += await elsewhere.poll()
    await run_in_db(actions.post_message, grace, room_id=general.pk, text="from grace")
    while '"from grace"' not in packets[-1]:
        packets += await elsewhere.poll()

    [answer] = [orjson.loads(packet[3:]) for packet in packets if packet.startswith("431")]
    assert answer[0]["message"]["author"]["username"] == "ada"
    await elsewhere.close()
