"""Stock clients, unmodified, against the program as a process of its own."""

import asyncio
import json
import os
import queue
from pathlib import Path
from typing import Any

import pytest
import socketio

from chat import actions
from chat.database import run_in_db
from chat.models import Message, User
from chat.tests.node_client import NodeClient
from chat.tests.people import chat_model
from chat.tests.socket_client import access_token
from chat.tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)
SNIPPET = Path(__file__).with_name("contract_snippet.cjs")


@pytest.mark.parametrize(
    "transports", [(), ("polling",), ("websocket",)], ids=["default", "polling", "websocket"]
)
async def test_the_javascript_client_works_unmodified(
    ada, grace, general, parley_server, start_node, transports
):
    room = str(general.pk)
    async with start_node(parley_server, await access_token(ada), *transports) as one:
        if not transports:
            assert await one.until("upgrade") == "websocket"
        else:
            await one.until("connect")
        assert (await one.emit("join-room", room))["version"] == 0
        async with start_node(parley_server, await access_token(grace), *transports) as two:
            await two.until("connect")
            assert (await two.emit("join-room", room))["ok"] is True
            assert await one.event("user-joined") == ["user-joined", str(grace.pk), {"roomId": room}]

            sent = await two.emit("send-message", room, "hello from node")

            _, message, _offset = await one.event("new-message")
            assert message == sent["message"]
            assert (message["text"], message["author"]["username"]) == ("hello from node", "grace")
            refused = await two.emit("send-message", room, {"text": 5})
            assert refused["error"]["code"] == "BAD_USER_INPUT"
        assert await one.event("user-left") == ["user-left", str(grace.pk), {"roomId": room}]


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_the_javascript_client_is_told_why_it_is_refused(db, parley_server, start_node, transport):
    async with start_node(parley_server, "nonsense", transport) as client:
        refusal = await client.until("error")

    assert refusal["data"] == {"code": "UNAUTHENTICATED"}


async def test_a_dropped_javascript_client_gets_what_it_missed(
    ada, grace, general, parley_server, start_node
):
    async with start_node(parley_server, await access_token(ada)) as client:
        await client.until("connect")
        joined = await client.emit("join-room", str(general.pk))
        await client.order(drop=True)
        await client.until("disconnect")
        await run_in_db(actions.post_message, grace, room_id=general.pk, text="missed")
        await client.until("connect")

        await client.emit("join-room", str(general.pk), {"since": joined["version"]})

        assert (await client.event("new-message"))[1]["text"] == "missed"


async def test_a_killed_server_costs_a_client_no_message(
    ada, grace, general, start_parley_server, start_node
):
    server = start_parley_server()
    async with start_node(server.url, await access_token(ada)) as client:
        await client.until("connect")
        joined = await client.emit("join-room", str(general.pk))
        server.kill()
        await client.until("disconnect")
        await run_in_db(actions.post_message, grace, room_id=general.pk, text="missed")

        start_parley_server(port=int(server.url.rpartition(":")[2]))
        await client.until("connect")
        await client.emit("join-room", str(general.pk), {"since": joined["version"]})

        assert (await client.event("new-message"))[1]["text"] == "missed"


@pytest.fixture
def second(ada, grace):
    """Another room of both."""
    room = chat_model("Room").objects.create(name="second", kind="private")
    for user in (ada, grace):
        chat_model("Membership").objects.create(room=room, user=user)
    return room


async def missed(client: NodeClient, number: int) -> dict[str, list[str]]:
    """Texts of so many messages, by room, in the order in which they come."""
    texts: dict[str, list[str]] = {}
    for _ in range(number):
        _, message, _ = await client.event("new-message")
        texts.setdefault(message["roomId"], []).append(message["text"])
    return texts


async def post_all(author, *messages) -> None:
    for room, text in messages:
        await run_in_db(actions.post_message, author, room_id=room.pk, text=text)


@pytest.mark.parametrize(
    "transports", [(), ("polling",), ("websocket",)], ids=["default", "polling", "websocket"]
)
async def test_a_dropped_javascript_client_is_recovered_in_all_its_rooms(
    ada, grace, general, second, parley_server, start_node, transports
):
    async with start_node(parley_server, await access_token(ada), *transports) as client:
        assert (await client.until("connect"))["recovered"] is False
        for room in (general, second):
            await client.emit("join-room", str(room.pk))
        await post_all(grace, (second, "s0"), (general, "g0"))
        assert await missed(client, 2) == {str(second.pk): ["s0"], str(general.pk): ["g0"]}
        await client.order(drop=True)
        await client.until("disconnect")
        await post_all(grace, (second, "s1"), (general, "g1"), (second, "s2"), (general, "g2"))

        assert (await client.until("connect"))["recovered"] is True

        assert await missed(client, 4) == {str(second.pk): ["s1", "s2"], str(general.pk): ["g1", "g2"]}
        await post_all(grace, (general, "live"))
        assert await missed(client, 1) == {str(general.pk): ["live"]}


@pytest.mark.parametrize(
    "transports", [(), ("polling",), ("websocket",)], ids=["default", "polling", "websocket"]
)
async def test_a_javascript_client_is_recovered_over_a_restart_of_the_server(
    ada, grace, general, second, start_parley_server, start_node, transports
):
    server = start_parley_server()
    async with start_node(server.url, await access_token(ada), *transports) as client:
        await client.until("connect")
        for room in (general, second):
            await client.emit("join-room", str(room.pk))
        await post_all(grace, (second, "s0"), (general, "g0"))
        await missed(client, 2)
        server.kill()
        await client.until("disconnect")
        await post_all(grace, (second, "s1"), (general, "g1"), (second, "s2"))

        start_parley_server(port=int(server.url.rpartition(":")[2]))

        assert (await client.until("connect"))["recovered"] is True
        assert await missed(client, 3) == {str(second.pk): ["s1", "s2"], str(general.pk): ["g1"]}
        answer = await client.emit("send-message", str(general.pk), "I am back")
        assert answer["ok"] is True


async def test_a_javascript_client_that_disconnects_itself_begins_anew(
    ada, grace, general, parley_server, start_node
):
    async with start_node(parley_server, await access_token(ada), "websocket") as client:
        await client.until("connect")
        await client.emit("join-room", str(general.pk))
        await client.order(leave=True)

        assert (await client.until("connect"))["recovered"] is False

        assert await run_in_db(lambda: chat_model("SocketSession").objects.count()) == 0


async def test_two_web_processes_share_their_rooms(
    ada, grace, general, parley_server, start_parley_server, start_node
):
    other = start_parley_server()
    room = str(general.pk)
    async with (
        start_node(parley_server, await access_token(ada)) as here,
        start_node(other.url, await access_token(grace)) as there,
    ):
        await asyncio.gather(here.until("connect"), there.until("connect"))
        await here.emit("join-room", room)
        answer = await there.emit("join-room", room)
        assert answer["online"] == [str(ada.pk), str(grace.pk)]
        assert (await here.event("user-joined"))[1] == str(grace.pk)

        for n in range(20):
            await there.order(emit=["send-message", room, f"number {n}"])

        texts = [(await here.event("new-message"))[1]["text"] for _ in range(20)]
        assert texts == [f"number {n}" for n in range(20)]


@pytest.mark.parametrize("transports", [["polling", "websocket"], ["polling"], ["websocket"]])
async def test_the_python_client_works_unmodified(ada, general, parley_server, transports):
    client = socketio.AsyncClient()
    received: list[dict[str, Any]] = []
    client.on("new-message", received.append)
    await client.connect(
        parley_server, auth={"token": await access_token(ada)}, transports=transports, wait_timeout=60
    )

    joined = await client.call("join-room", str(general.pk))
    answer = await client.call("send-message", (str(general.pk), "hello from python"))

    assert joined["version"] == 0
    await eventually(lambda: received == [answer["message"]])
    assert (await Message.objects.aget()).text == "hello from python"
    await client.disconnect()


async def test_a_client_that_stops_reading_is_dropped_and_the_server_lives(ada, general, parley_server):
    host, port = parley_server.removeprefix("http://").split(":")
    token = await access_token(ada)
    reader, writer = await asyncio.open_connection(host, int(port), limit=2**12)
    request = (
        f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
    )
    request += "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    writer.write(request.encode())
    async with asyncio.timeout(60):
        await reader.readuntil(b"\r\n\r\n")  # a client speaks once the handshake is answered
        for frame, answer in (
            (f'40{{"token":"{token}"}}', b"40{"),
            (f'420["join-room","{general.pk}"]', b"430["),
        ):
            writer.write(masked_frame(frame))
            await reader.readuntil(answer)
    transport: Any = writer.transport
    transport.pause_reading()
    client = socketio.AsyncClient()
    await client.connect(parley_server, auth={"token": token}, transports=["websocket"])

    large = "x" * 19_000
    for _ in range(300):  # 11 MB as text and html: more than the sockets and the outbox hold
        answer = await client.call("send-message", (str(general.pk), large), timeout=60)
        assert answer["ok"]

    transport.resume_reading()
    async with asyncio.timeout(60):
        while await reader.read(2**20):
            pass  # until the server's end of the stream
    assert (await client.call("leave-room", "1"))["ok"]
    writer.close()
    await client.disconnect()


def masked_frame(text: str) -> bytes:
    """A WebSocket text frame of a client, with a mask of zeros."""
    payload = text.encode()
    length = len(payload)
    head = bytes([0x81, 0x80 | length] if length < 126 else [0x81, 0x80 | 126, *length.to_bytes(2)])
    return head + bytes(4) + payload


@pytest.mark.parametrize(
    "transports", [(), ("polling",), ("websocket",)], ids=["default", "polling", "websocket"]
)
async def test_the_snippet_of_the_contract(
    ada, grace, general, parley_server, node_path, node_modules, transports
):
    async def run(user, text: str) -> asyncio.subprocess.Process:
        arguments = (parley_server, await access_token(user), str(general.pk), text, *transports)
        return await asyncio.create_subprocess_exec(
            *(node_path, str(SNIPPET), *arguments),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "NODE_PATH": str(node_modules)},
        )

    one = await run(ada, "hello")
    assert one.stdout
    assert json.loads(await asyncio.wait_for(one.stdout.readline(), 60)) == ["new-message", "ada", "hello"]
    two = await run(grace, "good morning")
    heard = [json.loads(await asyncio.wait_for(one.stdout.readline(), 60)) for _ in range(2)]
    # In either order: a message need not wait for Redis to know who has come.
    assert sorted(heard) == [["new-message", "grace", "good morning"], ["user-joined", str(grace.pk)]]
    assert two.stdout
    own = json.loads(await asyncio.wait_for(two.stdout.readline(), 60))
    assert own == ["new-message", "grace", "good morning"]

    three = await run(grace, "bye")
    for client in (one, two, three):
        output, _ = await asyncio.wait_for(client.communicate(), 60)
        assert json.loads(output) == ["new-message", "grace", "bye"]


async def test_the_python_client_without_asyncio_works_unmodified(ada, general, parley_server):
    token, room = await access_token(ada), str(general.pk)

    def talk() -> tuple[dict[str, Any], dict[str, Any]]:
        client, received = socketio.Client(), queue.Queue[dict[str, Any]]()
        client.on("new-message", received.put)
        client.connect(parley_server, auth={"token": token}, wait_timeout=60)
        client.call("join-room", room)
        answer = client.call("send-message", (room, "hello from a thread"))
        message = received.get(timeout=60)
        client.disconnect()
        return answer, message

    answer, message = await asyncio.to_thread(talk)

    assert answer == {"ok": True, "message": message}
    assert message["text"] == "hello from a thread"


async def test_a_stock_client_is_in_both_namespaces_and_leaves_one(ada, general, parley_server):
    client = socketio.AsyncClient()
    figures: list[dict[str, Any]] = []
    client.on("figures", figures.append, namespace="/ops")
    auth = {"token": await access_token(ada)}
    await client.connect(parley_server, auth=auth, namespaces=["/", "/ops"], wait_timeout=60)
    await eventually(lambda: figures)

    await User.objects.filter(pk=ada.pk).aupdate(is_staff=False, is_superuser=False)

    await eventually(lambda: "/ops" not in client.namespaces)
    assert (await client.call("join-room", str(general.pk)))["ok"]
    await client.disconnect()


async def test_admins_see_every_web_process_until_it_dies(ada, parley_server, start_parley_server):
    other = await asyncio.to_thread(start_parley_server)
    client = socketio.AsyncClient()
    seen: list[list[int]] = []
    client.on("figures", lambda shown: seen.append([p["pid"] for p in shown["processes"]]), namespace="/ops")
    auth = {"token": await access_token(ada)}
    await client.connect(parley_server, auth=auth, namespaces=["/ops"], wait_timeout=60)

    await eventually(lambda: seen and other.process.pid in seen[-1])
    await eventually(lambda: len(seen[-1]) == 2)  # those that died in earlier tests are forgotten
    await asyncio.to_thread(other.kill)

    await eventually(lambda: len(seen[-1]) == 1)
    assert other.process.pid not in seen[-1]
    await client.disconnect()
