"""Members who misbehave. Each returns once the server has cut it off, and gives what it was told at the end."""

import asyncio
import socket

import orjson
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from project.tests.faults.own_client import open_socket

# Bytes that the kernel takes for a client that does not read: small, so that the server soon feels it.
RECEIVE_BUFFER_BYTES = 4096


def _uri(port: int) -> str:
    return f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"


async def _sign_in(wire: ClientConnection, token: str) -> None:
    await wire.recv()  # the handshake
    await wire.send("40" + orjson.dumps({"token": token, "recovery": False}).decode())
    answer = await wire.recv()
    assert str(answer).startswith("40"), answer


async def _end(wire: ClientConnection) -> str:
    """Read until the server ends it; the reason it gives."""
    try:
        while True:
            await wire.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.reason if closed.rcvd else "without a word"


async def never_says_who_it_is(port: int) -> str:
    """Connects, and then nothing."""
    async with open_socket(_uri(port)) as wire:
        return await _end(wire)


async def sends_nonsense(port: int, token: str) -> str:
    """Signs in, then speaks no Socket.IO."""
    async with open_socket(_uri(port)) as wire:
        await _sign_in(wire, token)
        await wire.send("4 what is this")
        return await _end(wire)


async def sends_too_much(port: int, token: str) -> str:
    """Signs in, then sends 5 MB at once."""
    async with open_socket(_uri(port)) as wire:
        await _sign_in(wire, token)
        try:
            await wire.send("42" + orjson.dumps(["send-message", "1", "x" * 5_000_000]).decode())
        except ConnectionClosed:
            pass  # it was cut off in the middle of it
        return await _end(wire)


async def floods(port: int, token: str) -> str:
    """Signs in, then emits as fast as it can."""
    async with open_socket(_uri(port)) as wire:
        await _sign_in(wire, token)
        reading = asyncio.create_task(_end(wire))
        try:
            while not reading.done():
                await wire.send('42["no-such-event"]')
                await asyncio.sleep(0)  # the good clients live in the same event loop
        except ConnectionClosed:
            pass
        return await reading


class NeverReads:
    """A client that joins rooms and does not read what it gets."""

    def __init__(self, port: int, token: str, rooms: list[str]) -> None:
        self._port, self._token, self._rooms = port, token, rooms

    async def open(self) -> None:
        """Connect and join; from now on it reads nothing."""
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", self._port))
        reader, self._writer = await asyncio.open_connection(sock=raw, limit=RECEIVE_BUFFER_BYTES)
        self._reader = reader
        request = f"GET {_uri(self._port).partition(str(self._port))[2]} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
        request += "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        self._writer.write((request + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())
        await reader.readuntil(b"\r\n\r\n")
        auth = orjson.dumps({"token": self._token, "recovery": False}).decode()
        joins = [(f'42{n}["join-room","{room}"]', b"43%d[" % n) for n, room in enumerate(self._rooms)]
        async with asyncio.timeout(60):
            for frame, answer in [(f"40{auth}", b"40{"), *joins]:
                self._writer.write(_masked(frame))
                heard = b""
                while answer not in heard:  # among what others say in the rooms
                    data = await reader.read(2**16)
                    assert data, f"the server hung up before {answer!r}"
                    heard += data
        transport: asyncio.ReadTransport = self._writer.transport  # type: ignore[assignment]
        transport.pause_reading()

    async def cut_off(self) -> int:
        """Read again, to the end; gives the bytes that were left for it. The server must have ended it."""
        transport: asyncio.ReadTransport = self._writer.transport  # type: ignore[assignment]
        transport.resume_reading()
        left = 0
        try:
            while data := await self._reader.read(2**16):
                left += len(data)
        except ConnectionResetError:
            pass
        self._writer.transport.abort()
        return left


def _masked(text: str) -> bytes:
    """A text frame as clients send it, with a mask of zeros."""
    payload = text.encode()
    length = len(payload)
    head = bytes([0x81, 0x80 | length] if length < 126 else [0x81, 0x80 | 126, *length.to_bytes(2)])
    return head + bytes(4) + payload
