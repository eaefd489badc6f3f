"""Where the real-time protocol of chat is mounted; `project/asgi.py` puts it beside the others."""

from typing import Any

from django.urls import re_path

from chat.access.authentication import origin_allowed
from chat.limiting import limits
from chat.limiting.limits import client_address
from chat.limiting.strangers import check_strangers
from chat.main_namespace import handlers
from chat.main_namespace.namespace import chat_namespace
from chat.ops.figures import Figure, register_figure
from chat.ops.namespace import ops_namespace
from chat.sockets.connection import Connection
from chat.sockets.namespaces import Namespace
from chat.sockets.polling import EngineServer, Receive, Scope, Send
from chat.sockets.polling_consumer import PollingConsumer
from chat.sockets.remote.sessions import RemoteNeighbours
from chat.sockets.websocket_consumer import WebSocketConsumer

handlers.register()
NAMESPACES: dict[str, Namespace[Any]] = {
    namespace.name: namespace for namespace in (chat_namespace, ops_namespace)
}


def _connect(scope: dict[str, Any]) -> Connection:
    address = client_address(scope)
    limits.check("handshakes", address=address)
    check_strangers(address)
    return Connection(NAMESPACES, scope)


def _allow_origin(scope: dict[str, Any]) -> bool:
    return origin_allowed(dict(scope["headers"]))


server = EngineServer(_connect, allow_origin=_allow_origin, neighbours=RemoteNeighbours)
for _figure in (
    Figure("websockets", "Socket.IO connections by WebSocket.", "gauge", lambda: len(server.websockets)),
    Figure("polling", "Socket.IO connections by long-polling.", "gauge", lambda: server.polling_count),
    Figure("longest_outbox", "Packets for the slowest reader.", "gauge", lambda: server.longest_outbox, max),
):
    register_figure(_figure)


# Any: the routes of Channels ask for the type of a Django view.
def accept_websocket(scope: Scope, receive: Receive, send: Send) -> Any:
    """`WebSocketConsumer.as_asgi()`, which would stay on the stack while the connection lasts."""
    return WebSocketConsumer(server)(scope, receive, send)


PATH = r"^socket\.io/?$"
http_urlpatterns = [re_path(PATH, PollingConsumer.as_asgi(server=server))]
websocket_urlpatterns = [re_path(PATH, accept_websocket)]
