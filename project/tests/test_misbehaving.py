"""Clients that misbehave in every way known, against a web process with its limits on: each is refused or cut off, the
process stays small, and a well-behaved neighbour gets every message meanwhile.

Those that are cut off by time are in chat/tests: who answers no ping (test_socket_connect.py), and whose POST
trickles in (test_polling.py).
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from socket import SHUT_RDWR
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from chat.tests.socket_client import access_token

pytestmark = pytest.mark.django_db(transaction=True)
GROWTH_MAX_BYTES = 150_000_000
CUT_OFF_WITHIN_S = 60
DEEP = "[" * 100_000 + "]" * 100_000


class Server:
    """The process under test, and a token of somebody who misuses it."""

    def __init__(self, running, token: str) -> None:
        self.port = urlsplit(running.url).port
        self.token = token
        self.socket_url = f"ws://127.0.0.1:{self.port}/socket.io/?EIO=4&transport=websocket"
        self._status = Path(f"/proc/{running.process.pid}/status")

    def rss_bytes(self) -> int:
        [line] = [line for line in self._status.read_text().splitlines() if line.startswith("VmRSS")]
        return int(line.split()[1]) * 1024

    @asynccontextmanager
    async def stranger(self) -> AsyncIterator[ClientConnection]:
        """A WebSocket whose handshake is done."""
        async with connect(self.socket_url, compression=None, max_size=None, ping_interval=None) as ws:
            await ws.recv()
            yield ws

    @asynccontextmanager
    async def signed_in(self) -> AsyncIterator[ClientConnection]:
        """A WebSocket that is connected to the namespace."""
        async with self.stranger() as ws:
            await ws.send("40" + json.dumps({"token": self.token}))
            assert (await ws.recv(decode=True)).startswith("40")
            yield ws


async def until_closed(ws: ClientConnection) -> None:
    async with asyncio.timeout(CUT_OFF_WITHIN_S):
        try:
            while True:
                await ws.recv()
        except ConnectionClosed:
            return


async def send_until_closed(ws: ClientConnection, frame: str | bytes, most: int = 100_000) -> None:
    """Send without a pause, reading what comes; returns when the server has ended it."""
    reading = asyncio.ensure_future(until_closed(ws))
    try:
        for _ in range(most):
            await ws.send(frame)
    except ConnectionClosed:
        pass
    await reading


# ---------------------------------------------------------------------------------------- the misbehaviour


async def rubbish_frames(server: Server) -> None:
    for frame in ("", "x", "9", "4", "4x", "42", "42{", '42{"a":1}', "42[]", "451", "4\ud7ff", b"\x00" * 100):
        async with server.stranger() as ws:
            await ws.send(frame)
            await until_closed(ws)


async def endless_attachments(server: Server) -> None:
    async with server.signed_in() as ws:
        await ws.send('459-["send-message",{"_placeholder":true,"num":0}]')
        await until_closed_after(ws, b"x" * 400_000)
    async with server.signed_in() as ws:
        await ws.send('45999-["send-message"]')
        await until_closed(ws)


async def until_closed_after(ws: ClientConnection, frame: bytes) -> None:
    await send_until_closed(ws, frame, most=20)


async def huge_ack_ids(server: Server) -> None:
    for frame in ("42" + "9" * 400_000 + '["typing"]', "43" + "9" * 16 + "[]"):
        async with server.signed_in() as ws:
            await ws.send(frame)
            await until_closed(ws)


async def packet_floods(server: Server) -> None:
    for frame in (
        "3",
        '42["x"]',
        '43999["?"]',
        '42["send-message","1","hello"]',
        f'42["x","{"y" * 500_000}"]',
    ):
        async with server.signed_in() as ws:
            await send_until_closed(ws, frame)


async def connects_without_end(server: Server) -> None:
    async with server.signed_in() as ws:
        await send_until_closed(ws, "40/nowhere,")
    async with server.stranger() as ws:
        await send_until_closed(ws, '40{"token":"rubbish"}')


async def more_connections_than_one_may_have(server: Server) -> None:
    sockets = []
    try:
        for _ in range(60):
            ws = await connect(server.socket_url, compression=None)
            sockets.append(ws)
            await ws.recv()
            await ws.send("40" + json.dumps({"token": server.token}))
        answers = [await ws.recv(decode=True) for ws in sockets]
    finally:
        await asyncio.gather(*(ws.close() for ws in sockets))
    refused = [answer for answer in answers if answer.startswith("44")]
    assert refused and all('"code":"RATE_LIMITED"' in answer for answer in refused)


async def never_reading(server: Server) -> None:
    """Its socket takes no more, and it asks for more: a large answer for each small question."""
    async with server.signed_in() as ws:
        ws.transport.pause_reading()
        name = "e" * 30_000  # the refusal repeats nothing of it
        try:
            for _ in range(3000):
                await asyncio.wait_for(ws.send(f'421["{name}"]'), 5)
        except (ConnectionClosed, TimeoutError):
            pass
        ws.transport.resume_reading()
        await until_closed(ws)


async def ten_megabytes_of_event_name(server: Server) -> None:
    async with server.signed_in() as ws:
        await ws.send('421["' + "e" * 10_000_000 + '"]')
        answer = await ws.recv(decode=True)
        assert answer.startswith("431[") and "PAYLOAD_TOO_LARGE" in answer
        await send_until_closed(ws, '42["' + "e" * 10_000_000 + '"]', most=10)
    async with server.stranger() as ws:
        await send_until_closed(ws, '42["' + "e" * 10_000_000 + '"]', most=1)


async def deep_nesting(server: Server) -> None:
    for frame in (
        f'42["typing",{DEEP}]',
        f'42["typing",{DEEP},"\\ud800"]',
        '451-["typing",' + "[" * 1000 + '{"_placeholder":true,"num":0}' + "]" * 1000 + "]",
    ):
        async with server.signed_in() as ws:
            await ws.send(frame)
            if frame.startswith("45"):
                await ws.send(b"x")
            await until_closed(ws)


async def unfinished_messages(server: Server) -> None:
    """Fifteen of sixteen megabytes, on many connections."""
    begin = b"\x81\xff" + (16_000_000).to_bytes(8, "big") + bytes(4)
    async with first_cut_off_of_many(server) as sockets:
        for ws in sockets:
            ws.transport.write(begin + b"4" * 15_000_000)


async def unfinished_fragments(server: Server) -> None:
    """As above, but each megabyte is a whole frame."""
    megabyte = (1_000_000).to_bytes(8, "big") + bytes(4) + b"4" * 1_000_000
    async with first_cut_off_of_many(server) as sockets:
        for number in range(15):
            for ws in sockets:
                ws.transport.write((b"\x00\xff" if number else b"\x01\xff") + megabyte)


@asynccontextmanager
async def first_cut_off_of_many(server: Server) -> AsyncIterator[list[ClientConnection]]:
    """Twelve WebSockets to write to; on leaving, the server has to end one of them, and the others hang up.

    Their sockets are shut down, since a client within a message can say no goodbye: each would wait for an answer.
    """
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(server.signed_in()) for _ in range(12)]
        closing = [asyncio.ensure_future(until_closed(ws)) for ws in sockets]
        yield sockets
        async with asyncio.timeout(CUT_OFF_WITHIN_S):
            await asyncio.wait(closing, return_when=asyncio.FIRST_COMPLETED)
        for ws in sockets:
            with suppress(OSError):  # the server was first
                ws.transport.get_extra_info("socket").shutdown(SHUT_RDWR)
        await asyncio.gather(*closing)


async def pings_without_reading(server: Server) -> None:
    async with server.signed_in() as ws:
        ws.transport.pause_reading()
        ping = (b"\x89\xfd" + bytes(4) + b"p" * 125) * 1000
        for _ in range(20):
            ws.transport.write(ping)
            await asyncio.sleep(0)
        ws.transport.resume_reading()
        await until_closed(ws)


async def fragments_without_end(server: Server) -> None:
    async with server.signed_in() as ws:
        ws.transport.write(b"\x01\x80" + bytes(4))
        ws.transport.write((b"\x00\x80" + bytes(4)) * 20_000)
        await until_closed(ws)


MISBEHAVIOUR: tuple[Callable[[Server], Awaitable[None]], ...] = (
    rubbish_frames,
    endless_attachments,
    huge_ack_ids,
    packet_floods,
    connects_without_end,
    more_connections_than_one_may_have,
    never_reading,
    ten_megabytes_of_event_name,
    deep_nesting,
    unfinished_messages,
    unfinished_fragments,
    pings_without_reading,
    fragments_without_end,
)


# --------------------------------------------------------------------------------------------- the neighbour


class Neighbours:
    """Somebody who posts every tenth of a second, and somebody else who must get it all."""

    def __init__(self, sender: ClientConnection, receiver: ClientConnection, room_id: int) -> None:
        self._sender, self._receiver, self._room_id = sender, receiver, room_id
        self.sent: list[str] = []
        self.heard: list[str] = []
        self._news = asyncio.Event()

    async def talk(self, until: asyncio.Event) -> None:
        while not until.is_set():
            text = f"message {len(self.sent)}"
            await self._sender.send(f'42["send-message",{self._room_id},"{text}"]')
            self.sent.append(text)
            await asyncio.sleep(0.1)

    async def listen(self) -> None:
        async for frame in self._receiver:
            if frame == "2":
                await self._receiver.send("3")
            elif isinstance(frame, str) and frame.startswith('42["new-message"'):
                self.heard.append(json.loads(frame[2:])[1]["text"])
                self._news.set()

    async def hear_more_than(self, count: int) -> None:
        while len(self.heard) <= count:
            self._news.clear()
            await self._news.wait()

    async def answer_pings(self) -> None:
        async for frame in self._sender:
            if frame == "2":
                await self._sender.send("3")


async def test_who_misbehaves_is_cut_off_and_a_neighbour_notices_nothing(
    start_parley_server, ada, grace, guest, general
):
    running = start_parley_server(environment={"RATE_LIMITS": "on"})
    server = Server(running, await access_token(guest))
    speaker, listener = [Server(running, await access_token(user)) for user in (ada, grace)]
    async with speaker.signed_in() as sender, listener.signed_in() as receiver:
        await receiver.send(f'420["join-room",{general.pk}]')
        while not (await receiver.recv()).startswith("430"):
            pass
        neighbours = Neighbours(sender, receiver, general.pk)
        over = asyncio.Event()
        tasks = [asyncio.ensure_future(work) for work in (neighbours.listen(), neighbours.answer_pings())]
        talking = asyncio.ensure_future(neighbours.talk(over))
        before_bytes = server.rss_bytes()

        for misbehave in MISBEHAVIOUR:
            heard_before = len(neighbours.heard)
            await asyncio.wait_for(misbehave(server), 120)
            await asyncio.wait_for(neighbours.hear_more_than(heard_before), 60)
            assert server.rss_bytes() - before_bytes < GROWTH_MAX_BYTES, misbehave

        over.set()
        await talking
        await asyncio.wait_for(neighbours.hear_more_than(len(neighbours.sent) - 1), 60)
        for task in tasks:
            task.cancel()
    assert neighbours.heard == neighbours.sent
    assert running.process.poll() is None
    assert "Traceback" not in running.log.read_text()
