"""What clients of the default namespace get of events: packets, and WebSocket frames that are the same for all."""

from collections.abc import Sequence
from typing import NamedTuple

import orjson

from chat.live.delivery import Delivery
from chat.live.event_names import USER_JOINED, USER_LEFT
from chat.live.offsets import format_offset
from chat.sockets.protocol.websocket import encode_frame, text_frame

_TOLD_BY_ID = (USER_JOINED, USER_LEFT)  # `userId, {roomId}`: the contract's form


def event_packet(delivery: Delivery) -> str:
    """The event as an Engine.IO packet."""
    return (_start(delivery) + b"]").decode()


def event_frame(delivery: Delivery) -> bytes:
    """The event as a WebSocket frame."""
    return text_frame(_start(delivery) + b"]")


def packet_with_offset(delivery: Delivery, offset: str) -> str:
    """The event with, as its last argument, how far the client is now: stock clients give it back (docs/events.md)."""
    return f'{event_packet(delivery)[:-1]},"{offset}"]'


def _start(delivery: Delivery) -> bytes:
    """All but the closing bracket."""
    if delivery.name in _TOLD_BY_ID:
        data = delivery.data
        arguments = orjson.dumps([data["userId"], {"roomId": data["roomId"]}])[1:-1]
    else:
        arguments = delivery.json
    return b'42["' + delivery.name.encode() + b'",' + arguments


class Encoded(NamedTuple):
    """The same events as bytes for a WebSocket, and packet by packet."""

    frames: bytes
    packets: Sequence[str]


class Run:
    """Consecutive events of a room, encoded once for all clients who get just these.

    Attributes:
        plain: what clients get that cannot be recovered.
        about: ids of the users who do not get all of them, with the places of what they do not get.
        has_versions: whether clients that can be recovered get a form of their own.
    """

    __slots__ = ("_frames", "_with_offset", "about", "deliveries", "has_versions", "plain")

    def __init__(self, deliveries: Sequence[Delivery]) -> None:
        self.deliveries = deliveries
        self._frames = [delivery.encoded(event_frame) for delivery in deliveries]
        self.plain = Encoded(
            b"".join(self._frames), [delivery.encoded(event_packet) for delivery in deliveries]
        )
        self.about: dict[int, list[int]] = {}
        for place, delivery in enumerate(deliveries):
            if (user_id := delivery.about) is not None:
                self.about.setdefault(user_id, []).append(place)
        self.has_versions = any(delivery.version is not None for delivery in deliveries)
        self._with_offset: Encoded | None = None

    def without(self, user_id: int) -> Encoded:
        """What one of those gets whom it is about. When a room comes back, that is everybody there."""
        frames, packets = list(self._frames), list(self.plain.packets)
        for place in reversed(self.about[user_id]):
            del frames[place], packets[place]
        return Encoded(b"".join(frames), packets)

    def with_offset(self, room_id: int) -> Encoded:
        """What clients get that can be recovered and have joined this room alone."""
        if self._with_offset is None:
            packets = [
                delivery.encoded(event_packet)
                if delivery.version is None
                else packet_with_offset(delivery, format_offset({room_id: delivery.version}))
                for delivery in self.deliveries
            ]
            self._with_offset = Encoded(b"".join(map(encode_frame, packets)), packets)
        return self._with_offset
