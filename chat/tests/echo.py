"""A server that repeats what it is told, for the official protocol test suites; it needs neither database nor Redis.

`python -m chat.tests.echo --port 3000` serves Engine.IO at `/engine.io/` and Socket.IO at `/socket.io/` with the
intervals that the suites of https://github.com/socketio/engine.io-protocol and
https://github.com/socketio/socket.io-protocol expect.
"""

import argparse
import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings

SUITE_SETTINGS = {
    "SOCKET_PING_INTERVAL_MS": 300,
    "SOCKET_PING_TIMEOUT_MS": 200,
    "SOCKET_MAX_PAYLOAD_BYTES": 1_000_000,
    "RATE_LIMITS": False,
}
SUITE_CONNECT_TIMEOUT_S = 1.0
AUTH_DELAY_S = 0.02

if __name__ == "__main__":
    settings.configure(**SUITE_SETTINGS)

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import re_path  # noqa: E402

from chat.sockets import connection  # noqa: E402
from chat.sockets.connection import Connection  # noqa: E402
from chat.sockets.engine import Peer, Session  # noqa: E402
from chat.sockets.namespaces import Carrier, Namespace, Socket  # noqa: E402
from chat.sockets.polling import EngineServer, Scope  # noqa: E402
from chat.sockets.polling_consumer import PollingConsumer  # noqa: E402
from chat.sockets.protocol.engineio import Encoded  # noqa: E402
from chat.sockets.websocket_consumer import WebSocketConsumer  # noqa: E402


class EnginePeer:
    """Repeats each Engine.IO message."""

    def __init__(self, scope: Scope) -> None:
        self.session = Session(on_message=self._repeat, on_close=lambda reason: None)
        self.ended: asyncio.Task[None] | None = None

    def _repeat(self, message: Encoded) -> None:
        self.session.send("4" + message if isinstance(message, str) else message)

    is_full = False

    async def settled(self) -> None:
        pass


class EchoSocket(Socket):
    """A client, and what it said of itself."""

    auth: Mapping[str, Any] = {}


class EchoNamespace(Namespace[EchoSocket]):
    """Takes everybody, tells them what they said of themselves, and repeats their messages."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.register("message", self._repeat)
        self.register("message-with-ack", self._acknowledge)
        self.register("ask-me", self._ask)
        self.register("send-me-away", self._send_away)

    async def connect(self, connection: Carrier, auth: Mapping[str, Any]) -> EchoSocket:
        socket = EchoSocket(connection, self.name)
        socket.auth = auth
        return socket

    def connected(self, socket: EchoSocket) -> None:
        # In a read of its own: the suites miss a frame that arrives together with the one that they wait for.
        asyncio.get_running_loop().call_later(AUTH_DELAY_S, socket.emit, "auth", dict(socket.auth))

    async def _repeat(self, socket: EchoSocket, *arguments: Any) -> None:
        socket.emit("message-back", *arguments)

    async def _acknowledge(self, socket: EchoSocket, *arguments: Any) -> list[Any]:
        return list(arguments)

    async def _ask(self, socket: EchoSocket, *arguments: Any) -> list[Any]:
        return await socket.call("question", *arguments)

    async def _send_away(self, socket: EchoSocket) -> None:
        socket.disconnect("asked for")


def echo_application() -> ProtocolTypeRouter:
    """The ASGI application, with sessions of its own."""
    repeated = {name: EchoNamespace(name) for name in ("/", "/custom")}
    accepts: dict[str, Callable[[Scope], Peer]] = {
        r"^engine\.io/?$": EnginePeer,
        r"^socket\.io/?$": lambda scope: Connection(repeated, scope),
    }
    http, websocket = [], []
    for path, accept in accepts.items():
        server = EngineServer(accept, allow_origin=lambda scope: False)
        http.append(re_path(path, PollingConsumer.as_asgi(server=server)))
        websocket.append(re_path(path, WebSocketConsumer.as_asgi(server=server)))
    return ProtocolTypeRouter({"http": URLRouter(http), "websocket": URLRouter(websocket)})


def main() -> None:
    """Serve until it is stopped."""
    import uvicorn

    parser = argparse.ArgumentParser(prog="python -m chat.tests.echo", description=__doc__)
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument(
        "--patient", action="store_true", help="the intervals of Socket.IO, not of the suites"
    )
    options = parser.parse_args()
    if options.patient:
        settings.SOCKET_PING_INTERVAL_MS, settings.SOCKET_PING_TIMEOUT_MS = 25_000, 20_000
    else:
        connection.CONNECT_TIMEOUT_S = SUITE_CONNECT_TIMEOUT_S
    uvicorn.run(
        echo_application(),
        port=options.port,
        loop="uvloop",
        http="project.upgrading_http:UpgradingHttpProtocol",
        ws="project.raw_websocket:RawWebSocketProtocol",
        ws_per_message_deflate=False,
        lifespan="off",
    )


if __name__ == "__main__":
    main()
