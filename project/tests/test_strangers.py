"""What a connection that has not signed in may keep the server's memory busy with, over a plain socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from chat.limiting.strangers import STRANGER_MAX_BYTES
from chat.tests.socket_client import access_token

pytestmark = pytest.mark.django_db(transaction=True)
SOCKET_IO, GRAPHQL = "/socket.io/?EIO=4&transport=websocket", "/graphql"
TEXT, CONT, FIN = 1, 0, 0x80
WITHIN_S = 60


class RawClient:
    """A WebSocket of which every byte is written by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    async def frame(self) -> bytes:
        """What is in the server's next frame, which is a short one."""
        async with asyncio.timeout(WITHIN_S):
            head = await self._reader.readexactly(2)
            length = head[1]
            if length == 126:
                length = int.from_bytes(await self._reader.readexactly(2))
            return await self._reader.readexactly(length)

    async def ended(self) -> None:
        """Return once the server has dropped the connection, whatever it said before."""
        async with asyncio.timeout(WITHIN_S):
            try:
                while await self._reader.read(2**16):
                    pass
            except ConnectionError:
                pass


@asynccontextmanager
async def raw_client(url: str, path: str) -> AsyncIterator[RawClient]:
    """A client whose handshake is done."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    request = (
        f"GET {path} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *(["Sec-WebSocket-Protocol: graphql-transport-ws"] if path == GRAPHQL else []),
    )
    writer.write("\r\n".join((*request, "", "")).encode())
    try:
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        yield RawClient(reader, writer)
    finally:
        writer.close()


def frame(first: int, data: bytes, *, announced: int | None = None) -> bytes:
    """A frame, or the beginning of one that announces more."""
    length = len(data) if announced is None else announced
    return bytes([first, 0xFF]) + length.to_bytes(8) + bytes(4) + data


@pytest.mark.parametrize("path", [SOCKET_IO, GRAPHQL])
@pytest.mark.parametrize(
    "data",
    [
        frame(TEXT | FIN, b"4" * (STRANGER_MAX_BYTES + 100), announced=60_000),
        frame(TEXT, b"4" * 9000) + frame(CONT, b"4" * 9000),
    ],
    ids=["a frame", "fragments"],
)
async def test_a_stranger_that_begins_a_large_message_is_dropped(parley_server, path, data):
    async with raw_client(parley_server, path) as client:
        client.write(data)

        await client.ended()


async def test_a_stranger_that_begins_a_small_one_has_time_to_sign_in_and_may_then_send_more(
    ada, parley_server
):
    connect = "40" + json.dumps({"token": await access_token(ada)})
    large = json.dumps(["no-such-event", "x" * 100_000])
    async with raw_client(parley_server, SOCKET_IO) as client:
        assert (await client.frame()).startswith(b"0{")
        whole = frame(TEXT | FIN, connect.encode())
        client.write(whole[:50])
        await asyncio.sleep(0.2)
        client.write(whole[50:])
        assert (await client.frame()).startswith(b"40")

        whole = frame(TEXT | FIN, f"421{large}".encode())
        for start in range(0, len(whole), 20_000):
            client.write(whole[start : start + 20_000])
            await asyncio.sleep(0.02)
        answer = await client.frame()
        while not answer.startswith(b"431"):
            answer = await client.frame()

    assert b"BAD_USER_INPUT" in answer


async def test_a_graphql_client_that_was_acknowledged_may_send_more(ada, parley_server):
    init = {"type": "connection_init", "payload": {"authorization": f"Bearer {await access_token(ada)}"}}
    query = {"query": "{ me { username } }", "variables": {"unused": "x" * 100_000}}
    async with raw_client(parley_server, GRAPHQL) as client:
        client.write(frame(TEXT | FIN, json.dumps(init).encode()))
        assert json.loads(await client.frame())["type"] == "connection_ack"

        whole = frame(TEXT | FIN, json.dumps({"id": "1", "type": "subscribe", "payload": query}).encode())
        client.write(whole[:50_000])
        await asyncio.sleep(0.1)
        client.write(whole[50_000:])

        answer = json.loads(await client.frame())
    assert answer["payload"]["data"] == {"me": {"username": ada.username}}
