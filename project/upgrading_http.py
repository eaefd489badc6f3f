"""uvicorn's HTTP protocol, from which a request for a WebSocket goes on as it was parsed.

A client that takes nothing of its response, or next to nothing, is cut off; nginx does the first (`send_timeout`).
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from project.raw_websocket import RawWebSocketProtocol

SEND_SILENCE_S = 60.0
# What a client has to take in that time of what waits for it: a hundredth of a slow mobile line. One that takes less
# holds its place, its open file and its connection for days, on purpose.
SEND_MIN_BYTES = 16 * 1024


class UpgradingHttpProtocol(HttpToolsProtocol):
    """One connection, until it becomes a WebSocket's."""

    _watch: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """More waits than a response may hand over at once: from here on the client has to take some of it."""
        super().pause_writing()
        self._watch_reader(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_watching()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_watching()

    def handle_websocket_upgrade(self) -> None:
        """Leave the transport to the WebSocket.

        A request that is still being answered would write into it: who sends both at once is cut off.
        """
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.abort()
            return
        self._stop_watching()
        self.connections.discard(self)
        websocket = RawWebSocketProtocol(self.config, self.server_state)
        self.transport.set_protocol(websocket)
        websocket.begin(self.transport, cast(dict[str, Any], self.scope), self.url)
        self.parser = None  # type: ignore[assignment]  # the two refer to each other

    def _watch_reader(self, waiting_bytes: int) -> None:
        self._watch = self.loop.call_later(SEND_SILENCE_S, self._look_at_reader, waiting_bytes)

    def _look_at_reader(self, waited_bytes: int) -> None:
        """What waits changes by what the client takes: the application waits, too."""
        waiting_bytes = self.transport.get_write_buffer_size()
        if waited_bytes - waiting_bytes < SEND_MIN_BYTES:
            self.transport.abort()  # what the response holds is given up as for a client that left
        else:
            self._watch_reader(waiting_bytes)

    def _stop_watching(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
