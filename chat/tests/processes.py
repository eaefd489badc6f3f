"""Several servers in the test's own process, each with sessions of its own, as if behind one port.

They find each other over the real Redis; only the operating system's processes are left out.
"""

from collections.abc import Callable
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import re_path

from chat import routing
from chat.sockets.polling import EngineServer, PollingTransport
from chat.sockets.polling_consumer import PollingConsumer
from chat.sockets.remote.calls import Calls
from chat.sockets.remote.sessions import RemoteNeighbours
from chat.sockets.websocket_consumer import WebSocketConsumer
from chat.tests.echo import EnginePeer
from chat.tests.polling_client import PollingClient


class Process:
    """One server with its ASGI application. It serves the chat, or repeats Engine.IO messages."""

    def __init__(self, accept: Callable[[dict[str, Any]], Any] = routing._connect) -> None:
        self.server = EngineServer(
            accept, allow_origin=routing._allow_origin, neighbours=self._make_neighbours
        )
        self.application = ProtocolTypeRouter(
            {
                "http": URLRouter([re_path(routing.PATH, PollingConsumer.as_asgi(server=self.server))]),
                "websocket": URLRouter(
                    [re_path(routing.PATH, WebSocketConsumer.as_asgi(server=self.server))]
                ),
            }
        )

    def _make_neighbours(self, server: EngineServer) -> RemoteNeighbours:
        self.neighbours = RemoteNeighbours(server)
        return self.neighbours

    @property
    def calls(self) -> Calls:
        """What it calls others with, once a request was there."""
        return self.neighbours.calls

    def held(self, client: PollingClient) -> PollingTransport | None:
        """The client's session, if this process holds it."""
        return self.server.find_local(client.sid)

    def client(self, *headers: tuple[bytes, bytes]) -> PollingClient:
        """A client whose requests land here."""
        return PollingClient(*headers, application=self.application)

    def see(self, client: PollingClient) -> PollingClient:
        """The same client, when its requests land here."""
        same = self.client(*client.headers[1:])
        same.sid = client.sid
        return same

    def die(self) -> None:
        """End as a killed process does: its connections to Redis close, and nothing more is said."""
        tasks = [self.calls._watcher, *self.calls._line._tasks, *self.calls._served.values()]
        for task in filter(None, tasks):
            task.cancel()
        self.server._transports.clear()


def echo_process() -> Process:
    """A process that repeats Engine.IO messages."""
    return Process(EnginePeer)
