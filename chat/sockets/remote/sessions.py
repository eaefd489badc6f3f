"""Polling sessions of several web processes behind one port: a request that lands elsewhere is done by the holder.

The id of a session names the process that holds it, so nothing has to be looked up, and an id that somebody made up
costs one message to nobody. A session still belongs to whoever knows its whole id.
"""

import asyncio
import itertools
from typing import Any

from chat.background import Tasks
from chat.sockets.polling import (
    BadRequest,
    EngineServer,
    PollingTransport,
    ReadBody,
    Receive,
    Scope,
    Send,
    SessionUnknown,
    Unreachable,
)
from chat.sockets.raw_frames import raw_frames_of
from chat.sockets.remote.calls import CallRefused, Calls, LineDown, ProcessGone
from chat.sockets.remote.websocket import HeldWebSocket, carry_websocket
from chat.sockets.remote.wire import Call, address_in

# Of one poll; the rest waits for the next, so that no message to Redis becomes large.
ANSWER_MAX_BYTES = 256_000
UNKNOWN, BAD_REQUEST = "unknown", "bad-request"
_LATER = Tasks()


class RemoteNeighbours:
    """The other web processes of the installation, for one server of the running event loop."""

    def __init__(self, server: EngineServer) -> None:
        self._server = server
        self._websockets: dict[tuple[str, int], HeldWebSocket] = {}
        self._websocket_numbers = itertools.count(1)
        handlers = {
            "poll": self._poll,
            "post": self._post,
            "close": self._close,
            "abandon": self._abandon,
            "websocket": self._run_websocket,
            "websocket-put": self._put,
            "websocket-take": self._take,
        }
        self.calls = Calls(handlers, on_end=self._forget)

    async def open(self) -> str:
        """Become reachable, if Redis is; this process's address."""
        await self.calls.open()
        return self.calls.address

    def find(self, sid: str) -> "RemoteSession | None":
        """The session of that id, if another process made the id. It may have ended."""
        address = address_in(sid)
        if address is None or address == self.calls.address:
            return None
        return RemoteSession(self.calls, address, sid, next(self._websocket_numbers))

    def _forget(self) -> None:
        if self._server.neighbours is not None:
            self._server.neighbours.forget(self)

    # ------------------------------------------------------------------------------- what others ask for

    def _held(self, sid: object) -> PollingTransport:
        transport = self._server.find_local(sid) if isinstance(sid, str) else None
        if transport is None:
            raise CallRefused(UNKNOWN)
        return transport

    async def _poll(self, call: Call) -> bytes:
        [sid] = call.arguments
        transport = self._held(sid)
        try:
            return await transport.poll(max_bytes=ANSWER_MAX_BYTES)
        except BadRequest:
            raise CallRefused(BAD_REQUEST) from None
        except asyncio.CancelledError:  # the client hung up, or the process that it is connected to has gone
            transport.abandon()
            raise

    async def _post(self, call: Call) -> None:
        sid, body = call.arguments
        transport = self._held(sid)
        if not isinstance(body, bytes):
            raise TypeError("a body is bytes")

        async def read_body() -> bytes:
            return body

        try:
            await transport.post(read_body)
        except BadRequest:
            raise CallRefused(BAD_REQUEST) from None
        except asyncio.CancelledError:  # part of it may have been taken
            transport.abandon()
            raise

    async def _close(self, call: Call) -> None:
        sid, reason = call.arguments
        self._held(sid).close(str(reason))

    async def _abandon(self, call: Call) -> None:
        [sid] = call.arguments
        self._held(sid).abandon()

    async def _run_websocket(self, call: Call) -> None:
        sid, number = call.arguments
        self._held(sid)
        websocket = self._websockets[call.sender, number] = HeldWebSocket(sid)
        try:
            await websocket.run(self._server)
        finally:
            del self._websockets[call.sender, number]

    def _websocket(self, sender: str, number: Any) -> HeldWebSocket:
        websocket = self._websockets.get((sender, number))
        if websocket is None:
            raise CallRefused(UNKNOWN)
        return websocket

    async def _put(self, call: Call) -> None:
        number, message = call.arguments
        await self._websocket(call.sender, number).put(dict(message))

    async def _take(self, call: Call) -> list[dict[str, Any]] | None:
        [number] = call.arguments
        return await self._websocket(call.sender, number).take()


class RemoteSession:
    """A session that another process holds, as the client's requests here see it; see SessionElsewhere."""

    def __init__(self, calls: Calls, address: str, sid: str, websocket_number: int) -> None:
        self._calls = calls
        self._address = address
        self._sid = sid
        self._number = websocket_number

    async def poll(self) -> bytes:
        """See PollingTransport. A caller that is cancelled ends the session: what it would have got may be lost."""
        payload: bytes = await self._call("poll", self._sid)
        return payload

    async def post(self, read_body: ReadBody) -> None:
        """See PollingTransport. The holder sees a POST only once its body was read here."""
        await self._call("post", self._sid, await read_body())

    def close(self, reason: str) -> None:
        """See PollingTransport. It is done soon."""
        self._call_later("close", self._sid, reason)

    def abandon(self) -> None:
        """See PollingTransport. It is done soon."""
        self._call_later("abandon", self._sid)

    async def _call(self, method: str, *arguments: Any) -> Any:
        try:
            return await self._calls.call(self._address, method, *arguments)
        except ProcessGone:
            raise SessionUnknown from None
        except LineDown:
            raise Unreachable from None
        except CallRefused as refused:
            match refused.reason:
                case "unknown":
                    raise SessionUnknown from None
                case "bad-request":
                    raise BadRequest from None
            raise Unreachable from None

    def _call_later(self, method: str, *arguments: Any) -> None:
        async def call() -> None:
            try:
                await self._call(method, *arguments)
            except (SessionUnknown, Unreachable):
                pass  # it has ended, or its heartbeat will miss the client

        _LATER.begin(call(), f"the call {method} of another process")

    # ----------------------------------------------------------------------------------------- WebSocket

    async def carry_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the holder talk to the WebSocket that wants to take the session over, until one of them ends it."""
        await self._calls.open()
        await carry_websocket(self, receive, send, raw_frames_of(scope))

    async def run(self) -> None:
        """See `Holder` of chat.sockets.remote.websocket, as the next two."""
        await self._calls.call(self._address, "websocket", self._sid, self._number)

    async def take(self) -> list[dict[str, Any]] | None:
        messages: list[dict[str, Any]] | None = await self._calls.call(
            self._address, "websocket-take", self._number
        )
        return messages

    async def put(self, message: dict[str, Any]) -> None:
        await self._calls.call(self._address, "websocket-put", self._number, message)
