"""WebSockets as the server's event loop sees them: bytes go straight into the protocol, and its writes are kept."""

import asyncio
from typing import Any

import pytest
from websockets.frames import Frame
from websockets.http11 import Response

from chat.limiting.strangers import STRANGER_MAX_BYTES
from chat.sockets.raw_frames import RAW_FRAMES
from chat.tests.waiting import eventually
from project import raw_websocket, websocket_bounds, websocket_frames
from project.tests.raw_client import BINARY, CONT, FIN, MEGABYTE, TEXT, Client, frame
from project.websocket_bounds import Bounds


@pytest.fixture
async def connect():
    """Open WebSockets; all are lost at the end."""
    made: list[Client] = []

    async def connect(*, is_known: bool = True, raw: bool = False) -> Any:
        client: Any = None
        messages: list[Any] = []

        async def application(scope, receive, send) -> None:
            frames = scope["extensions"][RAW_FRAMES]
            frames.ask_whether_known(lambda: is_known)
            messages.append(await receive())
            await send({"type": "websocket.accept"})
            if raw:
                frames.read_to(messages.append)
            client.send = send
            client.scope = scope
            while True:
                message = await receive()
                messages.append(message)
                if message["type"] == "websocket.disconnect":
                    return

        client = Client(application)
        client.messages = messages
        made.append(client)
        client.begin()
        await eventually(lambda: hasattr(client, "send"))
        [response] = client.heard()
        assert isinstance(response, Response) and response.status_code == 101
        return client

    yield connect
    for client in made:
        client.server.connection_lost(None)
    await eventually(lambda: not any(client.state.tasks for client in made))
    assert Bounds.large_bytes == 0


async def messages_of(client, count: int) -> list[Any]:
    await eventually(lambda: len(client.messages) > count)
    return client.messages[1:]


async def test_messages_come_by_asgi_in_their_order_and_reading_pauses_while_they_wait(connect):
    client = await connect()
    client.codec.send_text(b"one")
    client.codec.send_binary(b"two")

    client.flush()

    assert client.transport.is_reading_paused
    assert await messages_of(client, 2) == [
        {"type": "websocket.receive", "text": "one"},
        {"type": "websocket.receive", "bytes": b"two"},
    ]
    assert not client.transport.is_reading_paused


async def test_messages_come_by_a_plain_call_to_who_asks_for_it(connect):
    client = await connect(raw=True)
    client.codec.send_text("å".encode())
    client.codec.send_text(b"frag", fin=False)
    client.codec.send_ping(b"in between")
    client.codec.send_continuation(b"ments", fin=True)

    client.flush()

    assert client.messages[1:] == ["å", "fragments"]  # before the event loop's next turn
    [pong] = client.heard()
    assert (pong.opcode, pong.data) == (10, b"in between")


async def test_what_comes_while_the_application_is_busy_waits_and_is_first_afterwards(connect):
    client = await connect(raw=True)
    taken: list[str] = []

    def take(message) -> None:
        taken.append(message)
        client.server.pause_reading()

    client.server.read_to(take)
    client.codec.send_text(b"one")
    client.codec.send_text(b"two")
    client.flush()
    client.codec.send_text(b"three")
    client.flush()
    assert (taken, client.transport.is_reading_paused) == (["one"], True)

    client.server.resume_reading()
    assert taken == ["one", "two"]
    client.server.resume_reading()
    assert taken == ["one", "two", "three"]


async def test_bytes_that_come_one_by_one_make_the_same_messages(connect):
    client = await connect(raw=True)
    client.codec.send_text(b"x" * 200)
    client.codec.send_binary(b"y" * 70_000)

    for byte in b"".join(client.codec.data_to_send()):
        client.server.data_received(bytes([byte]))

    assert client.messages[1:] == ["x" * 200, b"y" * 70_000]


async def test_the_application_sends_and_closes(connect):
    client = await connect()

    await client.send({"type": "websocket.send", "text": "hello"})
    await client.send({"type": "websocket.send", "bytes": b"you"})
    await client.send({"type": "websocket.close", "code": 4001, "reason": "enough"})

    assert [one.data for one in client.heard()[:2]] == [b"hello", b"you"]
    assert (client.codec.close_code or client.codec.close_rcvd.code, client.transport.closed) == (4001, False)
    client.flush()  # the codec's answer to the close frame
    assert client.transport.closed


async def test_a_client_that_closes_is_answered_and_the_application_told(connect):
    client = await connect()
    client.codec.send_close(3001, "bye")

    client.flush()

    assert client.transport.closed and client.heard()[0].opcode == 8
    assert await messages_of(client, 1) == [{"type": "websocket.disconnect", "code": 3001, "reason": "bye"}]
    with pytest.raises(OSError):
        await client.send({"type": "websocket.send", "text": "too late"})


async def test_a_lost_connection_is_told(connect):
    client = await connect()

    client.server.connection_lost(OSError())

    assert await messages_of(client, 1) == [{"type": "websocket.disconnect", "code": 1005}]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x01x", 1002),  # not masked
        (frame(0xC1, b"x"), 1002),  # a reserved bit
        (frame(0x83, b"x"), 1002),  # a reserved opcode
        (frame(CONT | FIN, b"x"), 1002),  # a fragment of nothing
        (frame(TEXT, b"x") + frame(TEXT | FIN, b"y"), 1002),  # a message within another
        (frame(0x09, b"x"), 1002),  # a fragmented ping
        (frame(0x89, b"x" * 126), 1002),  # a long ping
        (frame(0x88, b"x"), 1002),  # half of a close code
        (frame(0x88, (1005).to_bytes(2, "big")), 1002),  # one that is never sent
        (frame(TEXT | FIN, b"\xff"), 1007),
        (frame(0x88, (1000).to_bytes(2, "big") + b"\xff"), 1007),
        (b"\x82\xff" + (17 * 1024 * 1024).to_bytes(8, "big"), 1009),
    ],
)
async def test_a_client_that_breaks_the_protocol_is_closed_with_the_reason(connect, data, code):
    client = await connect(raw=True)

    client.server.data_received(data)

    client.heard()
    assert client.codec.close_rcvd.code == code and client.transport.closed
    client.server.connection_lost(None)
    assert (await messages_of(client, 1))[0]["code"] == code


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec_WebSocket_Version": "8"}, 426),
        ({"Sec_WebSocket_Key": "short"}, 400),
        ({"Sec_WebSocket_Key": "c2hvcnQ="}, 400),
        ({"Content_Length": "5"}, 400),
        ({"Cookie": "x" * 70_000}, 431),
    ],
)
async def test_a_handshake_that_is_none_is_refused_and_reaches_no_application(headers, status):
    async def application(scope, receive, send) -> None:
        raise AssertionError("it was called")

    client = Client(application)
    client.begin(**headers)

    assert client.transport.written.startswith(b"HTTP/1.1 %d " % status) and client.transport.closed
    assert not client.state.tasks
    client.server.connection_lost(None)
    assert not client.state.connections


async def test_an_application_that_refuses_or_fails_is_told_by_the_status(caplog):
    async def refuse(scope, receive, send) -> None:
        await send({"type": "websocket.close"})

    async def fail(scope, receive, send) -> None:
        raise RuntimeError("a bug")

    for application, status in ((refuse, 403), (fail, 500)):
        client = Client(application)
        client.begin()
        await eventually(lambda client=client: client.transport.closed)
        [response] = client.heard()
        assert response.status_code == status
        client.server.connection_lost(None)
    assert "a bug" in caplog.text


async def test_a_client_that_does_not_read_holds_up_asgi_and_is_told_of_to_who_writes_frames(connect):
    client = await connect()
    told: list[str] = []
    client.server.watch(lambda: told.append("pause"), lambda: told.append("resume"))

    client.server.pause_writing()
    sending = asyncio.create_task(client.send({"type": "websocket.send", "text": "x"}))
    await asyncio.sleep(0)
    assert not sending.done() and client.server.is_paused
    client.server.resume_writing()
    await sending

    assert told == ["pause", "resume"]
    assert client.heard() == [Frame(1, b"x")]


@pytest.mark.parametrize("end", ["breaks the protocol", "closes", "answers no ping", "is told to go"])
async def test_a_client_that_does_not_read_the_end_is_cut_off(connect, monkeypatch, end):
    monkeypatch.setattr(raw_websocket, "CLOSE_TIMEOUT_S", 0.05)
    client = await connect()
    client.server.pause_writing()  # so the transport's `close` waits for what the client does not read

    match end:
        case "breaks the protocol":
            client.server.data_received(frame(FIN | 3, b""))
        case "closes":
            client.server.data_received(frame(FIN | 8, b""))
        case "answers no ping":
            client.server.give_up()
        case "is told to go":
            await client.send({"type": "websocket.close", "code": 4403})

    assert (await messages_of(client, 1))[0]["type"] == "websocket.disconnect"
    await eventually(lambda: client.transport.aborted)


async def test_a_flood_of_pongs_is_cut_off(connect):
    client = await connect()

    client.server.data_received(frame(FIN | 10, b"") * (websocket_bounds.EXTRAS_BURST + 1))

    assert client.transport.aborted


async def test_an_upgrade_behind_a_request_that_is_not_answered_yet_is_cut_off():
    async def slow(scope, receive, send) -> None:
        assert scope["type"] == "http"
        await asyncio.Event().wait()

    client = Client(slow)
    client.request(b"GET / HTTP/1.1\r\nHost: testserver\r\n\r\n")
    client.begin()

    assert client.transport.aborted and not client.transport.written
    for task in client.state.tasks:
        task.cancel()


async def test_a_stopping_server_says_that_it_comes_back(connect):
    client = await connect()

    client.server.shutdown()

    client.heard()
    assert client.codec.close_rcvd.code == 1012 and client.transport.closed
    assert (await messages_of(client, 1))[0]["code"] == 1012


async def test_a_client_that_answers_no_ping_is_closed_where_the_application_has_no_heartbeat(connect):
    client = await connect()
    keepalive = client.server._keepalive
    for timer in ("_ping", "_ping"):
        getattr(keepalive, timer)()
        client.heard()
    client.flush()  # its pongs
    assert not client.transport.closed

    client.server.give_up()

    client.heard()
    assert client.codec.close_rcvd.code == 1011 and client.transport.closed


async def test_scope_is_what_asgi_says(connect):
    client = await connect()

    scope = client.scope
    assert (scope["path"], scope["query_string"]) == ("/socket.io/", b"EIO=4&transport=websocket")
    assert dict(scope["headers"])[b"upgrade"] == b"websocket"
    assert (scope["type"], scope["scheme"], scope["subprotocols"]) == ("websocket", "ws", [])


async def test_finished_fragments_of_an_unfinished_message_count(connect):
    connections = [await connect() for _ in range(20)]

    for first in (BINARY, *[CONT] * 14):
        for connection in connections:
            if not connection.transport.aborted:
                connection.server.data_received(frame(first, b"x" * MEGABYTE))

    held = [connection for connection in connections if not connection.transport.aborted]
    assert 0 < len(held) * 15 * MEGABYTE <= websocket_bounds.LARGE_MAX_BYTES < 20 * 15 * MEGABYTE


async def test_what_a_message_held_is_free_again_when_it_ends(connect):
    connection = await connect(raw=True)
    for _ in range(2):
        connection.server.data_received(frame(TEXT, b"x" * MEGABYTE))
        connection.server.data_received(frame(CONT, b"x" * MEGABYTE))
        assert Bounds.large_bytes > 2 * MEGABYTE

        connection.server.data_received(frame(CONT | FIN, b"x"))

        assert Bounds.large_bytes == 0
    assert [len(message) for message in connection.messages[1:]] == [2 * MEGABYTE + 1] * 2


async def test_empty_fragments_count_as_what_keeping_them_takes(connect, monkeypatch):
    monkeypatch.setattr(websocket_bounds, "LARGE_BYTES", 5000)
    connection = await connect()

    connection.server.data_received(frame(BINARY, b"") + frame(CONT, b"") * 60)

    assert Bounds.large_bytes > 6000


@pytest.mark.parametrize(
    "pieces",
    [
        [frame(TEXT | FIN, b"x" * MEGABYTE)[: STRANGER_MAX_BYTES + 100]],
        [frame(TEXT, b"x" * 9000), frame(CONT, b"x" * 9000)],
        [frame(TEXT, b""), frame(CONT, b"") * (STRANGER_MAX_BYTES // websocket_frames.FRAGMENT_BYTES)],
    ],
    ids=["a frame", "fragments", "empty fragments"],
)
async def test_who_has_not_signed_in_begins_no_large_message(connect, pieces):
    stranger, known = await connect(is_known=False), await connect()

    for piece in pieces:
        stranger.server.data_received(piece)
        known.server.data_received(piece)

    assert stranger.transport.aborted and stranger.server._reader.held_bytes == 0
    assert not known.transport.aborted


async def test_whoever_is_not_asked_about_is_a_stranger(connect):
    connection = await connect()
    connection.server._is_known = None

    connection.server.data_received(frame(TEXT, b"x" * STRANGER_MAX_BYTES))

    assert connection.transport.aborted
