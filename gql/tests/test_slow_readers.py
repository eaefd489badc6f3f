"""Clients that do not read, against a real server: its memory stays bounded, others notice nothing, nothing is lost."""

import asyncio
import json
import socket
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError
from websockets.typing import Subprotocol

from chat import actions
from chat.database import run_in_db
from chat.events import MessageDelta, publish
from gql.tests.client import access_token

pytestmark = pytest.mark.django_db(transaction=True)

# From the first version on: what is posted is heard however late the subscription is in force.
EVENTS = """subscription($room: ID!) { roomEvents(roomId: $room, since: 0) { __typename
    ... on MessageAdded { message { text } } ... on MessageDelta { index text } } }"""
ADDED = "subscription($room: ID!) { messageAdded(roomId: $room, since: 0) { text } }"
FLOOD = 50_000
POSTS = 10
DELTA = "x" * 1000
MAY_GROW_BYTES = 25_000_000  # half of what one of the two slow readers would have to be kept
TIMEOUT_S = 120


def _slow_socket(url: str) -> socket.socket:
    """A connection on which little fits between the server and who does not read."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    connection.connect((urlsplit(url).hostname, urlsplit(url).port))
    connection.setblocking(False)
    return connection


@asynccontextmanager
async def _graphql_socket(url: str, token: str, *, slow: bool) -> AsyncIterator[ClientConnection]:
    """A socket that was acknowledged. A slow one takes one message from the network and then waits to be asked."""
    options: dict[str, Any] = {"sock": _slow_socket(url), "max_queue": 1} if slow else {"max_queue": None}
    address = url.replace("http", "ws") + "/graphql"
    protocol = Subprotocol("graphql-transport-ws")
    async with connect(address, subprotocols=[protocol], ping_interval=None, **options) as opened:
        init = {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}
        await opened.send(json.dumps(init))
        assert json.loads(await opened.recv()) == {"type": "connection_ack"}
        yield opened


async def _subscribe(opened: ClientConnection, operation_id: str, query: str, **variables: Any) -> None:
    payload = {"query": query, "variables": variables}
    await opened.send(json.dumps({"id": operation_id, "type": "subscribe", "payload": payload}))


@asynccontextmanager
async def _event_stream(
    url: str, token: str, query: str, **variables: Any
) -> AsyncIterator[asyncio.StreamReader]:
    """A stream of server-sent events of which nothing is read after the first comment."""
    reader, writer = await asyncio.open_connection(sock=_slow_socket(url), limit=4096)
    body = json.dumps({"query": query, "variables": variables})
    head = (
        f"POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\naccept: text/event-stream\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    writer.write((head + body).encode())
    assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
    yield reader
    writer.close()
    await writer.wait_closed()


def _resident_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def _until_cut_off(url: str) -> None:
    """Wait until the server says that it has cut off a slow reader."""
    while True:
        with urllib.request.urlopen(f"{url}/metrics") as answer:
            if "parley_slow_readers_total 1" in answer.read().decode():
                return
        time.sleep(0.1)


async def _flood(ada, room, listener: ClientConnection) -> None:
    """Many events that are not stored, and among them messages, each of which the listener hears at once."""
    for post in range(POSTS):
        for index in range(FLOOD // POSTS):
            await publish(MessageDelta(room.pk, 77, index, DELTA))
        await run_in_db(actions.post_message, ada, room_id=room.pk, text=f"post {post}")
        heard = json.loads(await listener.recv())
        assert heard["payload"]["data"]["messageAdded"]["text"] == f"post {post}"


def _posts_of(event: dict[str, Any]) -> list[str]:
    return [event["message"]["text"]] if event["__typename"] == "MessageAdded" else []


async def _posts_by_socket(slow: ClientConnection) -> list[str]:
    posts: list[str] = []
    while len(posts) < POSTS:
        posts += _posts_of(json.loads(await slow.recv())["payload"]["data"]["roomEvents"])
    return posts


async def _posts_by_events(stream: asyncio.StreamReader) -> list[str]:
    posts: list[str] = []
    while len(posts) < POSTS:
        line = await stream.readline()
        assert line, "the stream ended"
        if line.startswith(b"data: {"):
            posts += _posts_of(json.loads(line.removeprefix(b"data: "))["data"]["roomEvents"])
    return posts


async def test_readers_that_stop_cost_bounded_memory_and_then_get_what_they_missed(
    start_parley_server, ada, grace, general
):
    server = await asyncio.to_thread(start_parley_server)
    token, room = await access_token(grace), str(general.pk)
    async with (
        asyncio.timeout(TIMEOUT_S),
        _graphql_socket(server.url, token, slow=False) as listener,
        _graphql_socket(server.url, token, slow=True) as slow,
        _event_stream(server.url, token, EVENTS, room=room) as stream,
    ):
        await _subscribe(slow, "slow", EVENTS, room=room)
        await _subscribe(listener, "fast", ADDED, room=room)
        before = _resident_bytes(server.process.pid)

        await _flood(ada, general, listener)
        grown = _resident_bytes(server.process.pid) - before

        posts = [f"post {number}" for number in range(POSTS)]
        assert await _posts_by_socket(slow) == posts
        assert await _posts_by_events(stream) == posts
    assert grown < MAY_GROW_BYTES


async def test_who_asks_for_more_than_it_reads_is_cut_off(start_parley_server, ada, grace, general):
    for _ in range(100):
        await run_in_db(actions.post_message, ada, room_id=general.pk, text="y" * 3000)
    server = await asyncio.to_thread(start_parley_server, environment={"RATE_LIMITS": "off"})
    query = "query($id: ID!) { room(id: $id) { messages(last: 100) { edges { node { text html } } } } }"
    async with (
        asyncio.timeout(TIMEOUT_S),
        _graphql_socket(server.url, await access_token(grace), slow=True) as slow,
    ):
        before = _resident_bytes(server.process.pid)
        for number in range(100):
            await _subscribe(slow, str(number), query, id=str(general.pk))
        await asyncio.to_thread(_until_cut_off, server.url)
        assert _resident_bytes(server.process.pid) - before < 2 * MAY_GROW_BYTES

        with pytest.raises(ConnectionClosedError) as closed:
            while True:
                await slow.recv()
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1013
