"""A stock Socket.IO client in a room that asks the assistant and watches its answer come."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import socketio

from bench.program import BenchError, Program

TIMEOUT_S = 30.0

Json = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One question; times in seconds since it was emitted."""

    message_id: str  # of the answer
    acknowledged_s: float
    first_delta_s: float
    final_s: float


class RoomClient:
    """One user's live connection in one room."""

    def __init__(self, client: socketio.AsyncClient, room_id: str) -> None:
        self._client = client
        self._room_id = room_id
        self._begun = 0.0
        self._first: asyncio.Future[tuple[str, float]] | None = None
        self._last: asyncio.Future[tuple[Json, float]] | None = None
        client.on("message-delta", self._on_delta)
        client.on("message-updated", self._on_updated)

    async def ask(self, question: str) -> Asked:
        """Ask, and wait for the whole answer.

        Raises:
            BenchError: the question was refused, the answer failed or did not come in 30 s.
        """
        loop = asyncio.get_running_loop()
        self._first, self._last = loop.create_future(), loop.create_future()
        self._begun = time.perf_counter()
        arguments = (self._room_id, f"@parley {question}")
        ack = await self._client.call("send-message", arguments, timeout=TIMEOUT_S)
        acknowledged = time.perf_counter() - self._begun
        if not ack.get("ok"):
            raise BenchError(f"send-message: {ack}")
        try:
            message_id, first = await asyncio.wait_for(self._first, TIMEOUT_S)
            message, last = await asyncio.wait_for(self._last, TIMEOUT_S)
        except TimeoutError:
            raise BenchError(f"no whole answer within {TIMEOUT_S:.0f} s to: {question}") from None
        if message["status"] != "final":
            raise BenchError(f"the answer is {message['status']}: {message['error']}")
        return Asked(message_id, acknowledged, first, last)

    async def _on_delta(self, delta: Json, *_: Any) -> None:
        if self._first and not self._first.done():
            self._first.set_result((delta["messageId"], time.perf_counter() - self._begun))

    async def _on_updated(self, message: Json, *_: Any) -> None:
        ended = message["kind"] == "answer" and message["status"] != "streaming"
        if ended and self._last and not self._last.done():
            self._last.set_result((message, time.perf_counter() - self._begun))
            if self._first and not self._first.done():
                self._first.set_exception(BenchError(f"an answer without a delta: {message['error']}"))


@asynccontextmanager
async def in_room(program: Program, name: str = "general") -> AsyncIterator[RoomClient]:
    """Ada over WebSocket in the room `name`."""
    [(room_id,)] = program.rows("select id from chat_room where name = %s", [name])
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(
        program.url, auth={"token": program.token()}, transports=["websocket"], wait_timeout=10
    )
    try:
        ack = await client.call("join-room", str(room_id), timeout=TIMEOUT_S)
        if not ack.get("ok"):
            raise BenchError(f"join-room: {ack}")
        yield RoomClient(client, str(room_id))
    finally:
        await client.disconnect()
