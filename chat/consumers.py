"""The WebSocket transport of Engine.IO on Channels."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer

from chat.engine import Session
from chat.namespaces import Connection
from chat.protocol.engineio import PROTOCOL_VERSION, decode_packet
from chat.protocol.errors import ProtocolError
from chat.socket_events import chat_namespace

NAMESPACES = {chat_namespace.name: chat_namespace}
CLOSE_TIMEOUT_S = 5.0
NORMAL, TOO_SLOW = 1000, 1013
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class SocketIOConsumer(AsyncWebsocketConsumer):
    """One WebSocket. It reads in its own task; another writes while there is something to write."""

    session: Session | None = None
    connection: Connection | None = None
    _reader: asyncio.Task[Any] | None = None
    _sender: asyncio.Task[None] | None = None
    _closing: asyncio.TimerHandle | None = None
    _aborted = False

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Channels' own loop gives each connection a channel and each message a database check in a thread; the hub
        and `run_in_db` stand in for both, which makes a broadcast several times cheaper."""
        self.scope, self.base_send, self.channel_layer = scope, send, None
        self._reader = asyncio.current_task()
        try:
            while True:
                await self.dispatch(await receive())
        except StopConsumer:
            pass
        except asyncio.CancelledError:
            if not self._aborted or self._reader is None:
                raise
            self._reader.uncancel()
        finally:
            await self._end()

    async def dispatch(self, message: dict[str, Any]) -> None:
        await getattr(self, message["type"].replace(".", "_"))(message)

    async def connect(self) -> None:
        """Accept a client that speaks Engine.IO v4 and greet it."""
        query = parse_qs(self.scope["query_string"].decode("latin-1"))
        wanted = {"EIO": [PROTOCOL_VERSION], "transport": ["websocket"]}
        if any(query.get(name) != value for name, value in wanted.items()) or "sid" in query:
            await self.close()
            return
        await self.accept()
        self.connection = Connection(NAMESPACES, self.scope)
        self.session = self.connection.session
        self.session.on_output = self._start_sending
        self.session.open()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.session is None or self.connection is None:
            return
        try:
            self.session.receive(decode_packet(text_data if text_data is not None else bytes_data or b""))
        except ProtocolError:
            self.session.close("parse error")
        await self.connection.settled()

    async def disconnect(self, code: int) -> None:
        if self.session is not None:
            self.session.close("transport close")

    async def websocket_disconnect(self, message: dict[str, Any]) -> None:
        await self.disconnect(message.get("code", NORMAL))
        raise StopConsumer()

    # ------------------------------------------------------------------------------------------- writing

    def _start_sending(self) -> None:
        session = self.session
        if session is None:
            return
        if session.overflowed:  # what is being written may never be read: do not wait for it
            self._abort()
            return
        loop = asyncio.get_running_loop()
        if self._sender is None:
            self._sender = loop.create_task(self._send_waiting(session))
        if session.closed:
            self._closing = loop.call_later(CLOSE_TIMEOUT_S, self._abort)

    async def _send_waiting(self, session: Session) -> None:
        try:
            while (packet := session.next_packet()) is not None:
                kind = "text" if isinstance(packet, str) else "bytes"
                await self.base_send({"type": "websocket.send", kind: packet})
            if session.closed:
                code = TOO_SLOW if session.overflowed else NORMAL
                await self.base_send({"type": "websocket.close", "code": code, "reason": session.reason})
        except OSError:  # the peer has gone; the reader hears of it too
            session.close("transport error")
        finally:
            self._sender = None

    def _abort(self) -> None:
        self._aborted = True
        if self._reader is not None:
            self._reader.cancel()

    async def _end(self) -> None:
        if self.session is None or self.connection is None:
            return
        self.session.on_output = _nothing
        self.session.close("transport close")
        if self._sender is not None:
            self._sender.cancel()
        if self._closing is not None:
            self._closing.cancel()
        if self.session.overflowed:
            await self._try_to_close(TOO_SLOW)
        if self.connection.ended is not None:
            await asyncio.shield(self.connection.ended)

    async def _try_to_close(self, code: int) -> None:
        try:
            async with asyncio.timeout(1):
                await self.base_send({"type": "websocket.close", "code": code, "reason": "slow reader"})
        except (OSError, TimeoutError):
            pass  # the server drops the connection when this consumer returns


def _nothing() -> None:
    """There is nobody to write to any more."""
