"""Where the real-time protocol of chat is mounted; `project/asgi.py` puts it beside the others."""

from django.urls import re_path

from chat.consumers import SocketIOConsumer

websocket_urlpatterns = [re_path(r"^socket\.io/?$", SocketIOConsumer.as_asgi())]
