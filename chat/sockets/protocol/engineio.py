"""Engine.IO v4: packets, the payloads of HTTP long-polling, the handshake.

A text packet is its type's digit and its data; a binary message is bare bytes on a WebSocket, and `b` with base64 in
a payload.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import parse_qs

import orjson

from chat.sockets.protocol.errors import ProtocolError

PROTOCOL_VERSION = "4"
PAYLOAD_SEPARATOR = "\x1e"
PAYLOAD_MAX_PACKETS = 10_000
QUERY_OFTEN_BYTES = 64  # clients that begin with a WebSocket all ask the same
Encoded = str | bytes
Query = Mapping[str, Sequence[str]]


class PacketType(StrEnum):
    OPEN = "0"
    CLOSE = "1"
    PING = "2"
    PONG = "3"
    MESSAGE = "4"
    UPGRADE = "5"
    NOOP = "6"


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet. Only a message may carry bytes."""

    type: PacketType
    data: str | bytes = ""


_TYPES = {member.value: member for member in PacketType}


def encode_packet(packet: Packet) -> Encoded:
    """The packet as one WebSocket frame: text, or bytes for a binary message.

    Raises:
        ValueError: bytes in anything but a message.
    """
    if isinstance(packet.data, str):
        return packet.type.value + packet.data
    if packet.type is not PacketType.MESSAGE:
        raise ValueError("only a message can be binary")
    return packet.data


def decode_packet(encoded: Encoded) -> Packet:
    """The packet of one WebSocket frame.

    Raises:
        ProtocolError: empty, or of an unknown type.
    """
    if isinstance(encoded, bytes):
        return Packet(PacketType.MESSAGE, encoded)
    packet_type = _TYPES.get(encoded[:1])
    if packet_type is None:
        raise ProtocolError("unknown Engine.IO packet type")
    return Packet(packet_type, encoded[1:])


def parse_query(query_string: bytes) -> Query:
    """The parameters of a request, each with all its values in order. Not to be changed: others may share them."""
    return _parse_often(query_string) if len(query_string) <= QUERY_OFTEN_BYTES else _parse(query_string)


def _parse(query_string: bytes) -> Query:
    return parse_qs(query_string.decode("latin-1"), keep_blank_values=True)


_parse_often = lru_cache(maxsize=64)(_parse)


def encode_payload(packets: Iterable[Encoded]) -> str:
    """Encoded packets as one body of HTTP long-polling."""
    return PAYLOAD_SEPARATOR.join(
        packet if isinstance(packet, str) else "b" + base64.b64encode(packet).decode() for packet in packets
    )


def decode_payload(body: str) -> list[Packet]:
    """The packets of a body of HTTP long-polling, in order.

    Raises:
        ProtocolError: a packet of it is malformed, or there are more than `PAYLOAD_MAX_PACKETS`.
    """
    parts = body.split(PAYLOAD_SEPARATOR, PAYLOAD_MAX_PACKETS)
    if len(parts) > PAYLOAD_MAX_PACKETS:
        raise ProtocolError("too many packets in one payload")
    return [_decode_part(part) for part in parts]


def _decode_part(part: str) -> Packet:
    if not part.startswith("b"):
        return decode_packet(part)
    try:
        return Packet(PacketType.MESSAGE, base64.b64decode(part[1:], validate=True))
    except (binascii.Error, ValueError):
        raise ProtocolError("a binary packet is not base64") from None


@dataclass(frozen=True, slots=True)
class Handshake:
    """What the server says first. Times in milliseconds, `max_payload` in bytes."""

    sid: str
    upgrades: tuple[str, ...]
    ping_interval_ms: int
    ping_timeout_ms: int
    max_payload: int

    def packet(self) -> Packet:
        """The handshake as the OPEN packet."""
        data = {
            "sid": self.sid,
            "upgrades": self.upgrades,
            "pingInterval": self.ping_interval_ms,
            "pingTimeout": self.ping_timeout_ms,
            "maxPayload": self.max_payload,
        }
        return Packet(PacketType.OPEN, orjson.dumps(data).decode())
