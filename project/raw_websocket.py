"""WebSockets of uvicorn, with the raw frames of `chat.sockets.raw_frames` offered to the application.

uvicorn's own protocol parses the request twice, and each frame in a parser of generators; what it passes to the
application costs a queue, a coroutine and a pause of the transport per message. Half of the time of a connection went
there, and a third of a post's. Here a request is parsed once, by httptools, and a frame in one go
(`project.websocket_frames`); who asks for it gets messages by a plain call as they are read, and writes frames that
are the same for many by another. All else speaks ASGI. There is no compression.
"""

import asyncio
import logging
from collections.abc import Callable
from enum import Enum
from http import HTTPStatus
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.server import ServerState
from websockets.frames import CloseCode

from chat.limiting.strangers import STRANGER_MAX_BYTES
from chat.sockets.protocol.websocket import encode_frame
from chat.sockets.raw_frames import RAW_FRAMES
from project import websocket_handshake as handshake
from project.websocket_bounds import Bounds
from project.websocket_frames import (
    Control,
    FrameError,
    FrameReader,
    Opcode,
    close_code,
    close_frame,
    control_frame,
)
from project.websocket_handshake import HandshakeError
from project.websocket_keepalive import Keepalive

log = logging.getLogger(__name__)
CLOSE_TIMEOUT_S = 10.0  # for the client's close frame, and for it to read what was written
Message = dict[str, Any]


class Stage(Enum):
    """How far a WebSocket is: asked for, open, closed by this side or the other, without a connection."""

    ASKED = 1
    OPEN = 2
    CLOSED = 3
    LOST = 4


class RawWebSocketProtocol(asyncio.Protocol):
    """One WebSocket; it is its own `RawFrames`."""

    __slots__ = (
        "_accepted_headers",
        "_arrived",
        "_bounds",
        "_closing",
        "_config",
        "_connections",
        "_ending",
        "_is_known",
        "_is_reading",
        "_keepalive",
        "_key",
        "_loop",
        "_on_message",
        "_on_pause",
        "_on_resume",
        "_reader",
        "_stage",
        "_tasks",
        "_transport",
        "_waiting",
        "_writable",
        "is_paused",
    )

    def __init__(self, config: Config, server_state: ServerState) -> None:
        self._config = config
        self._connections, self._tasks = server_state.connections, server_state.tasks
        self._accepted_headers = server_state.default_headers
        self._loop = asyncio.get_running_loop()
        self._stage = Stage.ASKED
        self._key = b""
        self._reader = FrameReader(config.ws_max_size)
        self._waiting: list[Message] = []  # few: reading pauses while any does
        self._arrived: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None  # while the client does not read
        self._on_message: Callable[[str | bytes], None] | None = None
        self._on_pause: Callable[[], None] | None = None
        self._on_resume: Callable[[], None] | None = None
        self._is_known: Callable[[], bool] | None = None
        self._is_reading = True
        self._closing: asyncio.TimerHandle | None = None  # from the goodbye on, until the client answers
        self._ending: asyncio.TimerHandle | None = None
        self._keepalive: Keepalive | None = None
        self._bounds: Bounds | None = None
        self.is_paused = False

    # --------------------------------------------------------------------------------------- beginning

    def begin(self, transport: asyncio.Transport, request: Message, url: bytes) -> None:
        """Run the application for a request that asks for a WebSocket, an ASGI scope as far as the headers."""
        self._transport = transport
        self._connections.add(self)  # type: ignore[arg-type]  # uvicorn ends what is in it by `shutdown`
        try:
            self._key = handshake.handshake_key(
                request["method"], request["http_version"], request["headers"]
            )
            scope = self._scope(request, url)
        except HandshakeError as error:
            self._refuse(error.status, error.text, *error.headers)
            return
        self._put({"type": "websocket.connect"})
        task = self._loop.create_task(self._run(scope))
        task.add_done_callback(self._tasks.discard)
        self._tasks.add(task)

    def _scope(self, request: Message, url: bytes) -> Message:
        config = self._config
        scope = handshake.websocket_scope(
            request, url, root_path=config.root_path, asgi_version=config.asgi_version
        )
        scope["extensions"] = {RAW_FRAMES: self}
        return scope

    async def _run(self, scope: Message) -> None:
        """The application. It owns the scope: of a connection that is open for long nothing else needs it."""
        running: Any = self._config.loaded_app(scope, self._receive, self._send)
        del scope
        try:
            await running
        except ClientDisconnected:
            pass
        except Exception:  # of whatever application; as uvicorn does
            log.exception("the application of a WebSocket failed")
            self._end_for_application(1011)
        else:
            if self._stage is Stage.ASKED:
                log.error("an application returned without an answer to a WebSocket")
            self._end_for_application(1000)

    def _end_for_application(self, code: int) -> None:
        if self._stage is Stage.ASKED:
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")
        elif self._closing is None:
            self._end(code)

    def _accept(self, message: Message) -> None:
        headers = [*self._accepted_headers, *message.get("headers", ())]
        if subprotocol := message.get("subprotocol"):
            headers.append((b"sec-websocket-protocol", subprotocol.encode("latin-1")))
        self._stage = Stage.OPEN
        self._transport.write(handshake.accepting(self._key, headers))
        if self._config.ws_ping_interval:
            self._keepalive = Keepalive(self, self._config.ws_ping_interval, self._config.ws_ping_timeout)

    def _refuse(self, status: HTTPStatus, text: str, *headers: tuple[bytes, bytes]) -> None:
        self._stage = Stage.CLOSED
        self._transport.write(handshake.refusing(status, text, [*self._accepted_headers, *headers]))
        self._end()

    # --------------------------------------------------------------------------------------- incoming

    def data_received(self, data: bytes) -> None:
        """Take what came, and see what of it stays in memory."""
        if self._stage is Stage.ASKED:
            return self.abort()  # a client has nothing to say before it is accepted
        if self._stage is not Stage.OPEN and self._closing is None:
            return
        extras = self._reader.extras
        try:
            received = self._reader.feed(data)
        except FrameError as error:
            return self._fail(error)
        if self._reader.extras != extras or self._bounds or self._reader.held_bytes > STRANGER_MAX_BYTES:
            if not self._is_within_bounds(self._reader.extras - extras):
                self._forget()
                return self.abort()
        for message in received:
            if isinstance(message, Control):
                self._take_control(message)
            elif self._stage is Stage.OPEN:
                if self._on_message is not None and self._is_reading and not self._waiting:
                    self._on_message(message)
                else:
                    self._queue(message)

    def _queue(self, message: str | bytes) -> None:
        self._put({"type": "websocket.receive", "text" if isinstance(message, str) else "bytes": message})
        self._stop_reading()

    def _is_within_bounds(self, extras: int) -> bool:
        bounds = self._bounds = self._bounds or Bounds()
        is_known = self._is_known is not None and self._is_known()
        return bounds.allow_extras(extras, self._loop.time()) and bounds.allow_held(
            self._reader.held_bytes, is_known=is_known
        )

    def _forget(self) -> None:
        self._reader.forget()
        if self._bounds is not None:
            self._bounds.release()

    def _take_control(self, frame: Control) -> None:
        if frame.opcode is Opcode.PING:
            if self._stage is Stage.OPEN and not self.is_paused:  # who takes no answers gets none
                self._transport.write(control_frame(Opcode.PONG, frame.data))
        elif frame.opcode is Opcode.PONG:
            if self._keepalive is not None:
                self._keepalive.answered()
        elif self._closing is not None:
            self._end_closing()
        elif self._stage is Stage.OPEN:
            self._closed_by_client(frame.data)

    def _closed_by_client(self, data: bytes) -> None:
        try:
            code = close_code(data)
        except FrameError as error:
            return self._fail(error)
        self._stage = Stage.CLOSED
        self._put({"type": "websocket.disconnect", "code": code, "reason": data[2:].decode()})
        self._transport.write(control_frame(Opcode.CLOSE, data))
        self._end()

    def _fail(self, error: FrameError) -> None:
        self._forget()
        self._end(error.code, error.reason)

    def _put(self, message: Message) -> None:
        self._waiting.append(message)
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    async def _receive(self) -> Message:
        """ASGI `receive`."""
        while not self._waiting:
            self._arrived = self._loop.create_future()
            await self._arrived
        self._arrived = None
        message = self._waiting.pop(0)
        if not self._waiting:
            self.resume_reading()
        return message

    # --------------------------------------------------------------------------------------- outgoing

    async def _send(self, message: Message) -> None:
        """ASGI `send`."""
        while self._writable is not None and message["type"] == "websocket.send":
            await asyncio.shield(self._writable)
        if self._stage is Stage.LOST:
            raise ClientDisconnected
        match self._stage, message["type"]:
            case Stage.ASKED, "websocket.accept":
                self._accept(message)
            case Stage.ASKED, "websocket.close":
                self._put({"type": "websocket.disconnect", "code": CloseCode.ABNORMAL_CLOSURE})
                self._refuse(HTTPStatus.FORBIDDEN, "")
            case Stage.OPEN, "websocket.send":
                text: str | None = message.get("text")
                self.write(encode_frame(message["bytes"] if text is None else text))
            case Stage.OPEN, "websocket.close":
                self._close(message.get("code", 1000), message.get("reason") or "")
                self._closing = self._loop.call_later(CLOSE_TIMEOUT_S, self.abort)
                self._start_reading()
            case Stage.CLOSED, "websocket.send" | "websocket.close" if self._closing is None:
                raise ClientDisconnected  # the client closed it, which the application has yet to hear
            case stage, kind:
                raise RuntimeError(f"unexpected ASGI message {kind!r} of a WebSocket that is {stage.name}")

    def _close(self, code: int, reason: str) -> None:
        """Say goodbye."""
        self._stage = Stage.CLOSED
        self._put({"type": "websocket.disconnect", "code": code, "reason": reason})
        self._transport.write(close_frame(code, reason))

    def _end_closing(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
        self._end()

    def _end(self, code: int = CloseCode.ABNORMAL_CLOSURE, reason: str = "") -> None:
        """Say goodbye where nobody did, and close once all is written: to who does not read, it never would be."""
        if self._stage is Stage.OPEN:
            self._close(code, reason)
        self._transport.close()
        if self._ending is None and self._stage is not Stage.LOST:
            self._ending = self._loop.call_later(CLOSE_TIMEOUT_S, self.abort)

    def ping(self) -> None:
        """Ask whether the client is there."""
        if self._stage is Stage.OPEN:
            self._transport.write(control_frame(Opcode.PING, b""))

    def give_up(self) -> None:
        """The client does not answer."""
        self._end(CloseCode.INTERNAL_ERROR, "keepalive ping timeout")

    # -------------------------------------------------------------------------------------- raw frames

    def write(self, frames: bytes) -> None:
        """See `RawFrames.write`."""
        if self._stage is Stage.OPEN and not self._transport.is_closing():
            self._transport.write(frames)

    def watch(self, on_pause: Callable[[], None], on_resume: Callable[[], None]) -> None:
        """See `RawFrames.watch`. Who writes raw frames has a heartbeat of its own."""
        self._stop_keepalive()
        self._on_pause, self._on_resume = on_pause, on_resume

    def ask_whether_known(self, is_known: Callable[[], bool]) -> None:
        """See `RawFrames.ask_whether_known`."""
        self._is_known = is_known

    def read_to(self, on_message: Callable[[str | bytes], None]) -> None:
        """See `RawFrames.read_to`."""
        self._on_message = on_message

    def pause_reading(self) -> None:
        """See `RawFrames.pause_reading`."""
        self._stop_reading()

    def resume_reading(self) -> None:
        """See `RawFrames.resume_reading`."""
        self._start_reading()
        while self._on_message is not None and self._is_reading and self._waiting:
            message = self._waiting[0]
            if message["type"] != "websocket.receive":
                return  # the application's coroutine waits for the end
            del self._waiting[0]
            self._on_message(message["text"] if "text" in message else message["bytes"])

    def abort(self) -> None:
        """See `RawFrames.abort`."""
        self._transport.abort()

    def _stop_reading(self) -> None:
        if self._is_reading:
            self._is_reading = False
            self._transport.pause_reading()

    def _start_reading(self) -> None:
        if not self._is_reading:
            self._is_reading = True
            if not self._transport.is_closing():
                self._transport.resume_reading()

    # --------------------------------------------------------------------- called by the transport, by uvicorn

    def pause_writing(self) -> None:
        """The client has not taken what the transport's buffer holds."""
        self.is_paused = True
        if self._writable is None:
            self._writable = self._loop.create_future()
        if self._on_pause is not None:
            self._on_pause()

    def resume_writing(self) -> None:
        """The buffer has drained."""
        self.is_paused = False
        self._open_gate()
        if self._on_resume is not None:
            self._on_resume()

    def _open_gate(self) -> None:
        if self._writable is not None:
            self._writable.set_result(None)
            self._writable = None

    def connection_lost(self, error: Exception | None) -> None:
        """The application is told; it writes no more."""
        self._on_pause = self._on_resume = self._on_message = self._is_known = None
        code = CloseCode.ABNORMAL_CLOSURE if self._stage is Stage.ASKED else CloseCode.NO_STATUS_RCVD
        self._stage = Stage.LOST
        self._put({"type": "websocket.disconnect", "code": code})
        self._stop_keepalive()
        for timer in filter(None, (self._closing, self._ending)):
            timer.cancel()
        self._connections.discard(self)
        self._open_gate()
        self._forget()

    def shutdown(self) -> None:
        """The server stops."""
        if self._stage is Stage.ASKED:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "The server stops.")
        else:
            self._end(CloseCode.SERVICE_RESTART)

    def _stop_keepalive(self) -> None:
        if self._keepalive is not None:
            self._keepalive.stop()
            self._keepalive = None
