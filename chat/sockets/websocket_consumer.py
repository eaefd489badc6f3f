"""The WebSocket transport of Engine.IO on Channels: for sessions of its own, and for those that began with polling."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer

from chat.errors import RateLimited
from chat.sockets.engine import Peer, Session
from chat.sockets.polling import BadRequest, EngineServer, PollingTransport
from chat.sockets.protocol.engineio import PROTOCOL_VERSION, decode_packet, parse_query
from chat.sockets.protocol.errors import ProtocolError
from chat.sockets.raw_frames import RawFrames, raw_frames_of

CLOSE_TIMEOUT_S = 5.0
PROBE_TIMEOUT_S = 10.0
NORMAL, TOO_SLOW = 1000, 1013
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class WebSocketConsumer(AsyncWebsocketConsumer):
    """One WebSocket. It reads in its own task; another writes while there is something to write.

    `polling` is the transport of a session that began with polling. Until the WebSocket has taken it over, there is no
    `session` here.
    """

    session: Session | None = None
    peer: Peer | None = None
    polling: PollingTransport | None = None
    _raw: RawFrames | None = None
    _reader: asyncio.Task[Any] | None = None
    _sender: asyncio.Task[None] | None = None
    _closing: asyncio.TimerHandle | None = None
    _probing: asyncio.TimerHandle | None = None
    _settling: asyncio.Task[None] | None = None
    _aborted = False

    def __init__(self, server: EngineServer) -> None:
        super().__init__()
        self.server = server

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Channels' own loop gives each connection a channel and each message a database check in a thread; the hub
        and `run_in_db` stand in for both, which makes a broadcast several times cheaper."""
        self.scope, self.base_send, self.channel_layer = scope, send, None
        self._receive = receive
        del scope  # this call lasts as long as the connection: see `_write_raw`
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
        """Accept a client that speaks Engine.IO v4 and greet it, or take up the session that it names."""
        query = parse_query(self.scope["query_string"])
        wanted = {"EIO": [PROTOCOL_VERSION], "transport": ["websocket"]}
        if any(query.get(name) != value for name, value in wanted.items()):
            await self.close()
        elif "sid" in query:
            await self._connect_to(query["sid"][0])
        else:
            await self._begin()

    async def _begin(self) -> None:
        try:
            session = self._carry(self.server.accept(self.scope))
        except RateLimited:  # stock clients try again by themselves, at growing intervals
            await self.close()
        else:
            self._tell_who_is_known(session)
            await self.accept()
            self._write_raw(session)
            session.open()

    def _carry(self, peer: Peer) -> Session:
        self.peer, self.session = peer, peer.session
        self.session.on_output = self._start_sending
        self.server.websockets.add(self.session)
        return self.session

    def _tell_who_is_known(self, session: Session) -> None:
        raw = raw_frames_of(self.scope)
        if raw is not None:
            raw.ask_whether_known(lambda: session.is_known)

    def _write_raw(self, session: Session) -> None:
        """Where the server can: nothing of this WebSocket goes through `base_send` then but its end."""
        self._raw = raw_frames_of(self.scope)
        self.scope = {}  # a browser's headers take kilobytes, and nothing more is asked of them here
        if self._raw is not None:
            session.carry_raw(self._raw)
            self._raw.read_to(self._take)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        frame = text_data if text_data is not None else bytes_data or b""
        if self._probing is not None:
            await self._receive_probe(frame)
        elif self.session is not None and self.peer is not None:
            _pass_on(frame, self.session)
            await self.peer.settled()

    def _take(self, frame: str | bytes) -> None:
        """A message, as the server reads it: no coroutine of this consumer is called for it."""
        if self.session is None or self.peer is None or self._raw is None:
            return
        _pass_on(frame, self.session)
        if self.peer.is_full and self._settling is None:
            self._raw.pause_reading()
            self._settling = asyncio.get_running_loop().create_task(self._settle(self.peer, self._raw))

    async def _settle(self, peer: Peer, raw: RawFrames) -> None:
        await peer.settled()
        self._settling = None
        raw.resume_reading()

    # ------------------------------------------------------------------------------------------- upgrade

    async def _connect_to(self, sid: str) -> None:
        polling = self.server.find(sid)
        if polling is None:
            await self.close()
            return
        if not isinstance(polling, PollingTransport):  # the holder's consumer does what follows
            await polling.carry_websocket(self.scope, self._receive, self.base_send)
            raise StopConsumer
        self._tell_who_is_known(polling.session)  # now: a large message may follow the upgrade at once
        await self.accept()
        try:
            polling.begin_probe(self._abort)
        except BadRequest:
            await self.close()
            return
        self.polling = polling
        self._probing = asyncio.get_running_loop().call_later(PROBE_TIMEOUT_S, self._abort)

    async def _receive_probe(self, frame: str | bytes) -> None:
        """The client asks whether the WebSocket carries packets, and then changes over to it."""
        if self.polling is None:
            return
        if frame == "2probe":
            self.polling.probe()
            await self.send(text_data="3probe")
            return
        try:
            if frame != "5":
                raise BadRequest
            self.polling.upgrade()
        except BadRequest:
            self._stop_probing()
            self.polling.end_probe()
            await self.close()
            return
        self._stop_probing()
        self._write_raw(self._carry(self.polling.peer))
        self._start_sending()

    def _stop_probing(self) -> None:
        if self._probing is not None:
            self._probing.cancel()
            self._probing = None

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
        if self._raw is not None and not session.closed:  # the session writes
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
        if self._probing is not None and self.polling is not None:
            self._stop_probing()
            self.polling.end_probe()
            if self._aborted:
                await self._try_to_close(NORMAL, "not upgraded")
        if self.session is None or self.peer is None:
            return
        self.server.websockets.discard(self.session)
        if self.polling is not None:
            self.polling.forget()
        self.session.on_output = _nothing
        self.session.close("transport close")
        if self._sender is not None:
            self._sender.cancel()
        if self._closing is not None:
            self._closing.cancel()
        if self.session.overflowed:
            await self._try_to_close(TOO_SLOW, "slow reader")
        if self._aborted and self._raw is not None:  # a server waits until all is read, if need be for ever
            asyncio.get_running_loop().call_later(CLOSE_TIMEOUT_S, self._raw.abort)
        if self.peer.ended is not None:
            await asyncio.shield(self.peer.ended)

    async def _try_to_close(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(1):
                await self.base_send({"type": "websocket.close", "code": code, "reason": reason})
        except (OSError, TimeoutError):
            pass  # the server drops the connection when this consumer returns


def _pass_on(frame: str | bytes, session: Session) -> None:
    try:
        session.receive(decode_packet(frame))
    except ProtocolError:
        session.close("parse error")


def _nothing() -> None:
    """There is nobody to write to any more."""
