"""An event stream of which nothing is read ends, and is not counted any more."""

import asyncio
import json
import socket
from contextlib import closing

import pytest
from uvicorn.server import ServerState

from chat.events import MessageDelta, publish
from chat.tests.waiting import eventually
from gql.tests.client import access_token
from gql.transports import sse
from project import upgrading_http
from project.web import server_config

pytestmark = pytest.mark.django_db(transaction=True)

QUERY = "subscription($room: ID!) { roomEvents(roomId: $room) { ... on MessageDelta { text } } }"
AT_ONCE = 20  # more would be dropped before they are written


async def test_a_stream_that_nobody_reads_is_cut_off(grace, general, monkeypatch):
    monkeypatch.setattr(upgrading_http, "SEND_SILENCE_S", 0.3)
    config, loop = server_config(), asyncio.get_running_loop()
    config.load()
    server = await loop.create_server(
        lambda: upgrading_http.UpgradingHttpProtocol(config, ServerState(), {}, loop), "127.0.0.1", 0
    )
    with closing(server), socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        client.setblocking(False)
        await loop.sock_connect(client, server.sockets[0].getsockname())
        await loop.sock_sendall(client, _request(await access_token(grace), str(general.pk)))
        assert b"200 OK" in await loop.sock_recv(client, 1000)
        await eventually(lambda: sse._streams[grace.pk])

        async with asyncio.timeout(60):
            while sse._streams[grace.pk]:
                for index in range(AT_ONCE):
                    await publish(MessageDelta(general.pk, 77, index, "x" * 10_000))
                await asyncio.sleep(0.01)


def _request(token: str, room_id: str) -> bytes:
    body = json.dumps({"query": QUERY, "variables": {"room": room_id}})
    head = (
        "POST /graphql HTTP/1.1",
        "host: localhost",
        f"authorization: Bearer {token}",
        "accept: text/event-stream",
        "content-type: application/json",
        f"content-length: {len(body)}",
    )
    return "\r\n".join((*head, "", body)).encode()
