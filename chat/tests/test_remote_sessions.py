"""Requests of a polling client that land in another process than the one that holds its session."""

import asyncio

import orjson
import pytest
from django.conf import settings

from chat import actions
from chat.database import run_in_db
from chat.sockets.remote import line as remote_line
from chat.sockets.remote.wire import Call, encode_message
from chat.tests.polling_client import BAD_REQUEST, HANDSHAKE, UNKNOWN_SESSION, until_waiting
from chat.tests.processes import Process
from chat.tests.socket_client import access_token
from chat.tests.test_socket_connect import session_cookie

STRANGER = "AAAAAAAAAAAA"


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
