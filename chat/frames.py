"""What clients of the default namespace get of an event: a packet, and the WebSocket frame that is the same for all."""

import orjson

from chat.delivery import Delivery
from chat.protocol.websocket import text_frame

_TOLD_BY_ID = ("user-joined", "user-left")  # `userId, {roomId}`: the contract's form


def event_packet(delivery: Delivery) -> str:
    """The event as an Engine.IO packet."""
    return (_start(delivery) + b"]").decode()


def event_frame(delivery: Delivery) -> bytes:
    """The event as a WebSocket frame."""
    return text_frame(_start(delivery) + b"]")


def packet_with_offset(delivery: Delivery, offset: str) -> str:
    """The event with, as its last argument, how far the client is now: stock clients give it back (docs/events.md)."""
    return f'{delivery.encoded(_start).decode()},"{offset}"]'


def _start(delivery: Delivery) -> bytes:
    """All but the closing bracket."""
    if delivery.name in _TOLD_BY_ID:
        data = delivery.data
        rest = orjson.dumps([data["userId"], {"roomId": data["roomId"]}])[1:-1]
    else:
        rest = delivery.json
    return b'42["' + delivery.name.encode() + b'",' + rest
