"""The cases of the official protocol suites that need a server which echoes, over both transports in this process.

`python -m chat.tests.echo` serves the same application to the suites themselves.
"""

import asyncio

import orjson
import pytest
from django.test import override_settings

from chat.sockets import connection
from chat.sockets.protocol.engineio import PAYLOAD_SEPARATOR
from chat.tests import echo
from chat.tests.polling_client import PollingClient, until_waiting
from chat.tests.socket_client import WireClient

ENGINE, SOCKET = "/engine.io/", "/socket.io/"


@pytest.fixture(autouse=True)
def suite_settings(monkeypatch):
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT_S", echo.SUITE_CONNECT_TIMEOUT_S)
    with override_settings(**echo.SUITE_SETTINGS):
        yield


@pytest.fixture
def application():
    return echo.echo_application()


async def open_websocket(application, path: str = SOCKET) -> WireClient:
    return await WireClient(path=f"{path}?EIO=4&transport=websocket", application=application).open()


async def connect(application) -> WireClient:
    """A client in the namespace `/`."""
    client = await open_websocket(application)
    assert (await client.connect()).startswith("40{")
    assert await client.receive() == '42["auth",{}]'
    return client


# -------------------------------------------------------------------------------------------- Engine.IO


@pytest.mark.parametrize("path", [ENGINE, SOCKET])
async def test_the_handshake_over_each_transport(application, path):
    limits = {"pingInterval": 300, "pingTimeout": 200, "maxPayload": 1_000_000}

    polling = await PollingClient(application=application, path=path).open()
    websocket = await open_websocket(application, path)

    assert polling.handshake == {"sid": polling.sid, "upgrades": ["websocket"], **limits}
    assert websocket.handshake == {"sid": websocket.handshake["sid"], "upgrades": [], **limits}
    assert polling.sid != websocket.handshake["sid"]
    await polling.close()
    await websocket.disconnect()


@pytest.mark.parametrize(
    "packets",
    [["4hello"], ["4test1", "4test2", "4test3"], ["4hello", "bAQIDBA=="], ["4\u20ac", "4\U0001f600"]],
)
async def test_messages_over_polling(application, packets):
    client = await PollingClient(application=application, path=ENGINE).open()

    await client.send(*packets)

    assert (await client.get()).text == PAYLOAD_SEPARATOR.join(packets)
    await client.close()


@pytest.mark.parametrize("frame", ["4hello", bytes([1, 2, 3, 4])])
async def test_messages_over_a_websocket(application, frame):
    client = await open_websocket(application, ENGINE)

    await client.send(frame)

    message = await client.wire.receive_output(60)
    assert message == {"type": "websocket.send", "text" if isinstance(frame, str) else "bytes": frame}
    await client.disconnect()


async def test_the_heartbeat_over_each_transport(application):
    polling = await PollingClient(application=application, path=ENGINE).open()
    websocket = await open_websocket(application, ENGINE)

    for _ in range(3):
        assert await polling.poll() == ["2"]
        await polling.send("3")
        assert await websocket.receive() == "2"
        await websocket.send("3")

    await polling.close()
    await websocket.disconnect()


async def test_no_pong_ends_the_session_over_each_transport(application):
    polling = await PollingClient(application=application, path=ENGINE).open()
    websocket = await open_websocket(application, ENGINE)

    assert await websocket.closed() == ["2"]

    await asyncio.sleep(0.02)
    assert (await polling.get()).status == 400


@pytest.mark.parametrize("frame", ["abc", "1"])
async def test_an_invalid_frame_and_the_close_packet_close_a_websocket(application, frame):
    client = await open_websocket(application, ENGINE)

    await client.send(frame)

    assert await client.closed() == []


async def test_an_upgrade_echoes_on(application):
    client = await PollingClient(application=application, path=ENGINE).open()

    socket = await client.upgrade()
    await socket.send("4hello")

    assert await socket.receive() == "4hello"
    assert (await client.get()).status == 400
    await socket.disconnect()


async def test_a_5_on_its_way_wins_against_a_poll(application):
    client = await PollingClient(application=application, path=ENGINE).open()
    socket = client.probe()
    assert await socket.accepted()

    poll = asyncio.create_task(client.get())
    await asyncio.sleep(0.01)
    await socket.send("2probe")
    await socket.send("5")

    assert (await poll).status == 400
    assert await socket.receive() == "3probe"
    await socket.disconnect()


# -------------------------------------------------------------------------------------------- Socket.IO


@pytest.mark.parametrize("namespace", ["", "/custom,"])
@pytest.mark.parametrize("auth", [{}, {"token": "123"}])
async def test_connecting_to_a_namespace(application, namespace, auth):
    client = await open_websocket(application)

    await client.send(f"40{namespace}{orjson.dumps(auth).decode() if auth else ''}")

    answer = await client.receive()
    assert answer.startswith(f"40{namespace}")
    assert list(orjson.loads(answer[2 + len(namespace) :])) == ["sid"]
    assert await client.receive() == f'42{namespace}["auth",{orjson.dumps(auth).decode()}]'
    await client.disconnect()


async def test_an_unknown_namespace(application):
    client = await open_websocket(application)

    await client.send("40/random")

    assert await client.receive() == '44/random,{"message":"Invalid namespace"}'
    await client.disconnect()


async def test_leaving_one_namespace_leaves_the_other(application):
    client = await connect(application)
    await client.send("40/custom")
    assert (await client.receive()).startswith("40/custom,")
    assert await client.receive() == '42/custom,["auth",{}]'

    await client.send("41/custom")
    await client.send('42["message","to the main namespace"]')

    assert await client.receive() == '42["message-back","to the main namespace"]'
    await client.disconnect()


BINARY = '[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'
NAMED_BINARY = BINARY.replace("[", '["NAME",', 1)
ATTACHMENTS = [bytes([1, 2, 3]), bytes([4, 5, 6])]


@pytest.mark.parametrize(
    ("frames", "answers"),
    [
        (['42["message",1,"2",{"3":[true]}]'], ['42["message-back",1,"2",{"3":[true]}]']),
        (['42456["message-with-ack",1,"2",{"3":[false]}]'], ['43456[1,"2",{"3":[false]}]']),
        (
            ["452-" + NAMED_BINARY.replace("NAME", "message"), *ATTACHMENTS],
            ["452-" + NAMED_BINARY.replace("NAME", "message-back"), *ATTACHMENTS],
        ),
        (
            ["452-789" + NAMED_BINARY.replace("NAME", "message-with-ack"), *ATTACHMENTS],
            ["462-789" + BINARY, *ATTACHMENTS],
        ),
    ],
)
async def test_events_and_acknowledgements_with_and_without_attachments(application, frames, answers):
    client = await connect(application)

    for frame in frames:
        await client.send(frame)

    for answer in answers:
        message = await client.wire.receive_output(60)
        assert message == {"type": "websocket.send", "text" if isinstance(answer, str) else "bytes": answer}
    await client.disconnect()


async def test_attachments_travel_over_polling(application):
    client = await PollingClient(application=application).open()
    await client.connect()
    assert await client.poll() == ['42["auth",{}]']

    await client.send("451-" + '["message",{"_placeholder":true,"num":0}]', "bAQID")

    assert await client.poll() == ['451-["message-back",{"_placeholder":true,"num":0}]', "bAQID"]
    await client.close()


@pytest.mark.parametrize("frame", ["4abc", "42{}", '42abc["message-with-ack",1]', "451-[]", b"unannounced"])
async def test_what_is_no_packet_closes(application, frame):
    client = await connect(application)

    await client.send(frame)

    assert await client.closed() == []


async def test_a_client_that_connects_to_nothing_is_closed(application):
    websocket = await open_websocket(application)
    polling = await PollingClient(application=application).open()

    assert set(await websocket.closed()) <= {"2"}

    await until_waiting()
    assert (await polling.get()).status == 400
