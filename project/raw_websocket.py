"""uvicorn's WebSocket protocol, with the raw frames of `chat.raw_frames` offered to the application.

A broadcast through ASGI `send` costs a coroutine and an encoded frame per client. Here the frame, which is the same
for all, goes to the transport by one call. All else (handshake, limits, incoming frames, closing) is uvicorn's.
"""

from collections.abc import Callable
from typing import cast

from websockets.http11 import Request

from chat.raw_frames import RAW_FRAMES
from project.incoming_frames import IncomingFrames
from project.slim_websocket import SlimWebSocketProtocol


class RawWebSocketProtocol(SlimWebSocketProtocol, IncomingFrames):
    """One connection; it is its own `RawFrames`. Compression has to be off: raw frames are not compressed."""

    is_paused = False
    _on_pause: Callable[[], None] | None = None
    _on_resume: Callable[[], None] | None = None

    def handle_connect(self, event: Request) -> None:
        """Offer the extension: the application begins at the event loop's next turn."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            extensions = cast("dict[str, object]", self.scope["extensions"])
            extensions[RAW_FRAMES] = self

    def write(self, frames: bytes) -> None:
        """See `RawFrames.write`."""
        if not (self.close_sent or self.disconnected or self.transport.is_closing()):
            self.transport.write(frames)

    def watch(self, on_pause: Callable[[], None], on_resume: Callable[[], None]) -> None:
        """See `RawFrames.watch`. Who writes raw frames has a heartbeat of its own."""
        self.stop_keepalive()
        self._on_pause, self._on_resume = on_pause, on_resume

    def abort(self) -> None:
        """See `RawFrames.abort`."""
        self.transport.abort()

    def pause_writing(self) -> None:
        """The client has not taken what the transport's buffer holds."""
        super().pause_writing()
        self.is_paused = True
        if self._on_pause is not None:
            self._on_pause()

    def resume_writing(self) -> None:
        """The buffer has drained."""
        super().resume_writing()
        self.is_paused = False
        if self._on_resume is not None:
            self._on_resume()

    def connection_lost(self, exc: Exception | None) -> None:
        """The application is told by uvicorn; it writes no more."""
        self._on_pause = self._on_resume = None
        super().connection_lost(exc)
