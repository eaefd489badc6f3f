"""A client as Parley's own browser client is: Socket.IO over WebSocket, `since` after each reconnect."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from project.tests.faults.verdict import ClientLog, Wire

CONNECTION_LOST = (OSError, WebSocketException, TimeoutError)
ACK_TIMEOUT_S = 10.0
JOIN_AGAIN_S = 0.3
MESSAGES = ("new-message", "message-updated")


def open_socket(uri: str, *subprotocols: str) -> connect:
    """A WebSocket of a client that neither pings nor compresses nor goes through a proxy of the environment."""
    return connect(
        uri,
        subprotocols=[Subprotocol(name) for name in subprotocols] or None,
        compression=None,
        ping_interval=None,
        max_size=None,
        close_timeout=1,
        proxy=None,
    )


class NoAnswer(Exception):
    """The connection was lost, or the time was over, before the acknowledgement came: the server may have acted."""


class OwnClient:
    """Follows its rooms until cancelled. `run` is its life; `log` has what it saw.

    Args:
        silence_s: after so long without a word it gives a connection up; None: what the server's handshake says.
    """

    def __init__(
        self, name: str, port: int, token: str, rooms: list[str], *, silence_s: float | None = None
    ) -> None:
        self.log = ClientLog(name)
        self.connects = 0
        self.late_acks = 0  # acknowledgements that came after the time for them
        self.refusals: list[Wire] = []
        self.connected = asyncio.Event()
        self._uri = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
        self._auth = orjson.dumps({"token": token, "recovery": False}).decode()
        self._rooms = rooms
        self._silence_s = silence_s
        self._socket: ClientConnection | None = None
        self._acks: dict[int, asyncio.Future[Wire]] = {}
        self._ack_ids = itertools.count()

    def joined(self) -> bool:
        """Whether it has been in each room."""
        return len(self.log.joined) == len(self._rooms)

    async def run(self) -> None:
        """Connect, follow, and come back after each loss."""
        while True:
            try:
                async with open_socket(self._uri) as self._socket:
                    await self._live(self._socket)
            except CONNECTION_LOST:
                pass  # the very thing that is tested
            finally:
                self._lost()
            await asyncio.sleep(random.uniform(0.1, 0.4))

    async def request(self, *event: Any) -> Wire:
        """Emit an event; its acknowledgement.

        Raises:
            NoAnswer: nobody knows whether the server acted.
        """
        number = next(self._ack_ids)
        answer = self._acks[number] = asyncio.get_running_loop().create_future()
        try:
            if self._socket is None:
                raise NoAnswer
            await self._socket.send(f"42{number}{orjson.dumps(event).decode()}")
            async with asyncio.timeout(ACK_TIMEOUT_S):
                return await answer
        except CONNECTION_LOST as error:
            raise NoAnswer from error
        finally:
            self._acks.pop(number, None)

    # --------------------------------------------------------------------------------------- one connection

    async def _live(self, socket: ClientConnection) -> None:
        handshake = orjson.loads(str(await asyncio.wait_for(socket.recv(), ACK_TIMEOUT_S))[1:])
        silence_s = self._silence_s or (handshake["pingInterval"] + handshake["pingTimeout"]) / 1000
        await socket.send(f"40{self._auth}")
        joining: asyncio.Task[None] | None = None
        try:
            async for frame in self._frames(socket, silence_s):
                if frame == "2":
                    await socket.send("3")
                elif frame.startswith("42"):
                    self._take(orjson.loads(frame[2:]))
                elif frame.startswith("43"):
                    self._acknowledged(frame)
                elif frame.startswith("40"):
                    self.connects += 1
                    joining = asyncio.create_task(self._join_all())
                elif frame.startswith("44"):
                    self.refusals.append(orjson.loads(frame[2:]))
                    return
                else:
                    assert frame in ("1", "41", "6"), frame
        finally:
            if joining is not None:
                joining.cancel()
                await asyncio.gather(joining, return_exceptions=True)

    async def _frames(self, socket: ClientConnection, silence_s: float) -> AsyncIterator[str]:
        while True:
            async with asyncio.timeout(silence_s):
                frame = await socket.recv()
            assert isinstance(frame, str)
            yield frame

    async def _join_all(self) -> None:
        for room in self._rooms:
            while not (answer := await self._join(room))["ok"]:
                self.refusals.append(answer)
                await asyncio.sleep(JOIN_AGAIN_S)
            self.log.join(room, answer["version"])
        self.connected.set()

    async def _join(self, room: str) -> Wire:
        is_return = room in self.log.joined
        try:
            return await self.request(
                "join-room", room, *([{"since": self.log.position(room)}] if is_return else [])
            )
        except NoAnswer:
            return {"ok": False, "error": None}

    def _take(self, event: list[Any]) -> None:
        if event[0] in MESSAGES:
            self.log.add(event[0], event[1])

    def _acknowledged(self, frame: str) -> None:
        begin = frame.index("[")
        [answer] = orjson.loads(frame[begin:])
        waiting = self._acks.get(int(frame[2:begin]))
        if waiting is None or waiting.done():
            self.late_acks += 1
        else:
            waiting.set_result(answer)

    def _lost(self) -> None:
        self._socket = None
        self.connected.clear()
        for waiting in self._acks.values():
            if not waiting.done():
                waiting.set_exception(NoAnswer())
                waiting.exception()  # who asked may have gone
