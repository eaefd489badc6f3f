"""Where the real-time protocol of chat is mounted; `project/asgi.py` puts it beside the others."""

from typing import Any

from django.urls import re_path

from chat.authentication import origin_allowed
from chat.consumers import WebSocketConsumer
from chat.namespaces import Connection
from chat.polling import EngineServer
from chat.polling_consumer import PollingConsumer
from chat.socket_events import chat_namespace

NAMESPACES = {chat_namespace.name: chat_namespace}


def _connect(scope: dict[str, Any]) -> Connection:
    return Connection(NAMESPACES, scope)


def _allow_origin(scope: dict[str, Any]) -> bool:
    return origin_allowed(dict(scope["headers"]))


server = EngineServer(_connect, allow_origin=_allow_origin)
PATH = r"^socket\.io/?$"
http_urlpatterns = [re_path(PATH, PollingConsumer.as_asgi(server=server))]
websocket_urlpatterns = [re_path(PATH, WebSocketConsumer.as_asgi(server=server))]
