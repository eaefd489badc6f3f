"""uvicorn's HTTP protocol, from which a request for a WebSocket goes on as it was parsed."""

from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from project.raw_websocket import RawWebSocketProtocol


class UpgradingHttpProtocol(HttpToolsProtocol):
    """One connection, until it becomes a WebSocket's."""

    def handle_websocket_upgrade(self) -> None:
        """Leave the transport to the WebSocket.

        A request that is still being answered would write into it: who sends both at once is cut off.
        """
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.abort()
            return
        self.connections.discard(self)
        websocket = RawWebSocketProtocol(self.config, self.server_state)
        self.transport.set_protocol(websocket)
        websocket.begin(self.transport, cast(dict[str, Any], self.scope), self.url)
        self.parser = None  # type: ignore[assignment]  # the two refer to each other
