"""The consumer that everybody writes after the tutorial of Channels: JSON over a WebSocket, a group for the room."""

import os
from typing import Any

from django.conf import settings

settings.configure(
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [os.environ["REDIS_URL"]], "prefix": "stock"},
        }
    }
)

from channels.generic.websocket import AsyncJsonWebsocketConsumer  # noqa: E402  # it reads the settings

ROOM = "room"


class Consumer(AsyncJsonWebsocketConsumer):
    """One client."""

    async def connect(self) -> None:
        await self.channel_layer.group_add(ROOM, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(ROOM, self.channel_name)

    async def receive_json(self, content: dict[str, Any]) -> None:
        await self.channel_layer.group_send(ROOM, {"type": "chat.message", "text": content["text"]})

    async def chat_message(self, event: dict[str, Any]) -> None:
        await self.send_json({"event": "new-message", "text": event["text"]})


_consumer = Consumer.as_asgi()


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """WebSockets only; whoever asks by HTTP learns that the server is up."""
    if scope["type"] == "websocket":
        await _consumer(scope, receive, send)
    elif scope["type"] == "http":
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})
