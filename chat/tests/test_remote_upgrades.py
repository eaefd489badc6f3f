"""WebSockets of a session that another process holds."""

import asyncio
from types import SimpleNamespace

from django.conf import settings

from chat.sockets.remote import websocket as remote_websocket
from chat.tests.polling_client import BAD_REQUEST, until_waiting
from chat.tests.waiting import eventually


async def test_a_session_goes_on_over_a_websocket_elsewhere(here, there):
    client = await here.client().open()
    poll = asyncio.create_task(client.poll())
    await until_waiting()

    socket = await there.see(client).upgrade()

    assert await poll == ["6"]
    await socket.send("4hello")
    assert await socket.receive() == "4hello"
    await socket.send(bytes([1, 2, 3]))
    assert (await socket.wire.receive_output(60))["bytes"] == bytes([1, 2, 3])
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

    async with asyncio.timeout(60):
        await dropped.wait()
