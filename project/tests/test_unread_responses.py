"""Clients that do not take their responses: the server gives up those that take nothing, and no others."""

import asyncio
import socket

import pytest

from chat.tests.waiting import eventually
from project import upgrading_http
from project.tests.raw_client import Client, Transport

REQUEST = b"GET / HTTP/1.1\r\nhost: testserver\r\n\r\n"


class _TakingTransport(Transport):
    """Of a client that took something before each of the looks at what waits for it, but the last."""

    def __init__(self, *waiting_bytes: int) -> None:
        super().__init__()
        self.waiting_bytes = list(waiting_bytes)

    def get_write_buffer_size(self) -> int:
        assert not self.aborted
        return self.waiting_bytes.pop(0)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(upgrading_http, "SEND_SILENCE_S", 0.01)


def _protocol(transport: Transport) -> upgrading_http.UpgradingHttpProtocol:
    protocol = Client(lambda scope, receive, send: None)._http
    protocol.transport = transport
    return protocol


async def test_a_client_that_takes_its_share_in_each_while_is_waited_for(impatient):
    enough = upgrading_http.SEND_MIN_BYTES
    transport = _TakingTransport(9 * enough, 8 * enough, 6 * enough, 5 * enough, 5 * enough)
    _protocol(transport).pause_writing()

    await eventually(lambda: transport.aborted)

    assert transport.waiting_bytes == []


async def test_a_client_that_drips_is_cut_off(impatient):
    enough = upgrading_http.SEND_MIN_BYTES
    transport = _TakingTransport(9 * enough, 8 * enough, 7 * enough + 1)
    _protocol(transport).pause_writing()

    await eventually(lambda: transport.aborted)

    assert transport.waiting_bytes == []


async def test_a_client_that_took_what_waited_is_left_alone(impatient):
    transport = _TakingTransport(90_000)
    protocol = _protocol(transport)
    protocol.pause_writing()
    protocol.resume_writing()

    assert protocol._watch is None and not transport.aborted


async def test_a_response_that_nobody_takes_ends_and_its_connection_with_it(impatient):
    ended = asyncio.Event()

    async def application(scope, receive, send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        sending = asyncio.create_task(_send_without_end(send))
        assert (await receive())["type"] == "http.disconnect"
        sending.cancel()
        ended.set()

    template = Client(application)._http
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: upgrading_http.UpgradingHttpProtocol(template.config, template.server_state, {}, loop),
        "127.0.0.1",
        0,
    )
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        client.setblocking(False)
        await loop.sock_connect(client, server.sockets[0].getsockname())
        await loop.sock_sendall(client, REQUEST)
        async with asyncio.timeout(30):
            await ended.wait()
    server.close()


async def _send_without_end(send) -> None:
    while True:
        await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
