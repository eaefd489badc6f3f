"""The WebSocket of a client in one process, for a session in another: its ASGI messages travel between the two.

The holder runs the same consumer as for a WebSocket of its own. In either direction one batch is under way at a time,
and the next follows when it was taken, so that a slow side holds up the other as it does within one process.
"""

import asyncio
from collections import deque
from typing import Any, Protocol
from urllib.parse import urlencode

from django.conf import settings

from chat.sockets.polling import EngineServer, Receive, Send
from chat.sockets.protocol.engineio import PROTOCOL_VERSION
from chat.sockets.raw_frames import RawFrames
from chat.sockets.remote.calls import CallRefused, LineDown, ProcessGone
from chat.sockets.websocket_consumer import WebSocketConsumer

BUFFER_MAX_BYTES = 256_000
LAST_WORDS_S = 5.0
RESTARTED = 1012  # the code of RFC 6455's registry for "service restart": come again
Message = dict[str, Any]
_FROM_CLIENT = ("websocket.connect", "websocket.receive", "websocket.disconnect")
_TO_CLIENT = ("websocket.accept", "websocket.send", "websocket.close")


class HeldWebSocket:
    """The holder's end: what its consumer takes for a WebSocket."""

    def __init__(self, sid: str) -> None:
        self._sid = sid
        self._from_client: asyncio.Queue[Message] = asyncio.Queue(1)
        self._to_client: deque[Message] = deque()
        self._buffered_bytes = 0
        self._ended = self._is_told = False
        self._changed = asyncio.Condition()

    async def run(self, server: EngineServer) -> None:
        """Let a consumer of the server talk to the client; returns when it is done and its last words were taken."""
        query = {"EIO": PROTOCOL_VERSION, "transport": "websocket", "sid": self._sid}
        scope = {
            "type": "websocket",
            "path": "/socket.io/",
            "query_string": urlencode(query).encode(),
            "headers": [],
            "subprotocols": [],
        }
        await WebSocketConsumer(server)(scope, self._from_client.get, self._send)
        async with self._changed:
            self._ended = True
            self._changed.notify_all()
            try:
                async with asyncio.timeout(LAST_WORDS_S):
                    await self._changed.wait_for(lambda: self._is_told)
            except TimeoutError:
                pass  # the client does not read: its process drops it when it hears that this is over

    async def put(self, message: Message) -> None:
        """Take a message of the client; returns when there is room for another.

        Raises:
            ValueError: a client sends no such messages.
        """
        if message.get("type") not in _FROM_CLIENT:
            raise ValueError("no message of a WebSocket's client")
        await self._from_client.put(message)

    async def take(self) -> list[Message] | None:
        """Wait for messages to the client; None after the last one."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._to_client or self._ended)
            messages = list(self._to_client)
            self._to_client.clear()
            self._buffered_bytes = 0
            self._is_told = not messages
            self._changed.notify_all()
        return messages or None

    async def _send(self, message: Message) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._buffered_bytes < BUFFER_MAX_BYTES)
            self._to_client.append(message)
            self._buffered_bytes += len(message.get("text") or message.get("bytes") or "")
            self._changed.notify_all()


class Holder(Protocol):
    """What the process with the client asks of the one with the session. All may raise the errors of a call."""

    async def run(self) -> None:
        """Returns when the holder is done with the WebSocket."""

    async def take(self) -> list[Message] | None: ...
    async def put(self, message: Message) -> None: ...


async def carry_websocket(holder: Holder, receive: Receive, send: Send, raw: RawFrames | None) -> None:
    """Carry messages between a client whose WebSocket is here and the holder of its session, until either ends it.

    `raw` is the server's handle on the connection, if it has one: to drop a client that does not read its last words.
    """
    client = _Client(send)
    if raw is not None:  # whether its client has signed in only the holder knows
        raw.ask_whether_known(lambda: True)
    over = asyncio.ensure_future(holder.run())
    down = asyncio.ensure_future(_carry_down(holder, client))
    up = asyncio.ensure_future(_carry_up(holder, receive))
    tasks: tuple[asyncio.Future[None], ...] = (over, down, up)
    try:
        await asyncio.wait((over, down), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        # A server that closes waits until all is read, if need be for ever.
        if raw is not None and outcomes[1] is not None:
            asyncio.get_running_loop().call_later(LAST_WORDS_S, raw.abort)
    for outcome in outcomes:
        if isinstance(outcome, (CallRefused, ProcessGone, LineDown)):
            await client.close(RESTARTED)
        elif isinstance(outcome, Exception):
            raise outcome


async def _carry_up(holder: Holder, receive: Receive) -> None:
    await holder.put({"type": "websocket.connect"})
    message: Message = {}
    while message.get("type") != "websocket.disconnect":
        message = await receive()
        await holder.put(_shortened(message))


def _shortened(message: Message) -> Message:
    """A frame that is too large anyway keeps only so much that the holder sees this, and whose event it is."""
    enough = settings.SOCKET_MAX_PAYLOAD_BYTES + 2
    return {
        name: value[:enough] if isinstance(value, (str, bytes)) else value for name, value in message.items()
    }


async def _carry_down(holder: Holder, client: "_Client") -> None:
    while (messages := await holder.take()) is not None:
        for message in messages:
            await client.send(message)


class _Client:
    """The end of the WebSocket that is here. What is sent to a client that has gone is dropped."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._is_open = True

    async def send(self, message: Message) -> None:
        if not self._is_open or message.get("type") not in _TO_CLIENT:
            return
        self._is_open = message["type"] != "websocket.close"
        try:
            await self._send(message)
        except OSError:
            self._is_open = False

    async def close(self, code: int) -> None:
        try:
            async with asyncio.timeout(1):
                await self.send({"type": "websocket.close", "code": code, "reason": ""})
        except TimeoutError:
            pass  # it does not read; the server drops the connection
