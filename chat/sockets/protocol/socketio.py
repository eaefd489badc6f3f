"""Socket.IO v5: packets that travel inside Engine.IO messages.

The text of a packet is: type digit, number of attachments and `-` (binary types only), namespace and `,` (unless it
is `/`), acknowledgement id, JSON. Bytes anywhere in the data become placeholders and follow as binary messages.
"""

import json
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import orjson

from chat.sockets.protocol.errors import ProtocolError

ATTACHMENTS_MAX = 10
PACKET_MAX_BYTES = 1_000_000  # its text and its attachments
ACK_ID_MAX_DIGITS = 15  # below 2^53: ids are numbers in JavaScript
RESERVED_EVENTS = frozenset(
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)
_HEADER = re.compile(r"([0-6])(?:(\d{1,3})-)?(/[^,]*(?:,|$))?(\d*)", re.ASCII)


class PacketType(IntEnum):
    CONNECT = 0
    DISCONNECT = 1
    EVENT = 2
    ACK = 3
    CONNECT_ERROR = 4
    BINARY_EVENT = 5
    BINARY_ACK = 6


_BINARY = (PacketType.BINARY_EVENT, PacketType.BINARY_ACK)


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet. `data` is the list `[event, *arguments]` of an EVENT, the list of arguments of an ACK, an object or
    None otherwise. Decoded binary packets have the plain type, with the bytes in their data."""

    type: PacketType
    namespace: str = "/"
    data: Any = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the JSON of a packet's text; the JSON begins at `end`."""

    type: PacketType
    attachments: int
    namespace: str
    id: int | None
    end: int


def encode(packet: Packet) -> list[str | bytes]:
    """The packet as Engine.IO message data: one text, then its attachments."""
    attachments: list[bytes] = []
    packet_type, data = packet.type, packet.data
    try:
        text = "" if data is None else orjson.dumps(data).decode()
    except orjson.JSONEncodeError:  # bytes are in it: to look for them first would cost every packet more
        if packet_type not in (PacketType.EVENT, PacketType.ACK) or not _has_bytes(data):
            raise
        text = orjson.dumps(_take_bytes(data, attachments)).decode()
        packet_type = PacketType(packet_type + 3)
    count = f"{len(attachments)}-" if packet_type in _BINARY else ""
    namespace = "" if packet.namespace == "/" else f"{packet.namespace},"
    ack_id = "" if packet.id is None else str(packet.id)
    return [f"{packet_type.value}{count}{namespace}{ack_id}{text}", *attachments]


def parse_header(text: str) -> Header:
    """The start of a packet's text, without a look at its JSON.

    Raises:
        ProtocolError: it is not the start of a packet.
    """
    match = _HEADER.match(text)
    if match is None:
        raise ProtocolError("malformed Socket.IO packet")
    kind, count, namespace, ack_id = match.groups()
    packet_type = PacketType(int(kind))
    if (count is not None) != (packet_type in _BINARY) or int(count or 0) > ATTACHMENTS_MAX:
        raise ProtocolError("wrong number of attachments")
    if len(ack_id) > ACK_ID_MAX_DIGITS:
        raise ProtocolError("the acknowledgement id is too long")
    # Older clients send a query after the namespace.
    name = (namespace or "/").rstrip(",").partition("?")[0]
    number = int(ack_id) if ack_id else None
    return Header(packet_type, int(count or 0), name, number, match.end())


class Decoder:
    """Turns the messages of one connection into packets; holds a packet whose attachments are still to come."""

    def __init__(self, max_bytes: int = PACKET_MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._header: Header | None = None
        self._data: Any = None
        self._attachments: list[bytes] = []

    def feed(self, message: str | bytes) -> Packet | None:
        """The packet that this message completes, or None while attachments are missing.

        Raises:
            ProtocolError: malformed, an attachment where none is due or the other way round, or attachments that make
                a packet of more than `max_bytes`.
        """
        if isinstance(message, bytes):
            return self._attach(message)
        if self._header is not None:
            raise ProtocolError("text where an attachment is due")
        header = parse_header(message)
        data = _parse_json(message[header.end :])
        _check_data(header, data)
        if header.attachments:
            self._header, self._data, self._attachments = header, data, []
            self._bytes = len(message)
            return None
        return Packet(_plain(header.type), header.namespace, data, header.id)

    def _attach(self, attachment: bytes) -> Packet | None:
        header = self._header
        if header is None:
            raise ProtocolError("an attachment that belongs to no packet")
        self._attachments.append(attachment)
        self._bytes += len(attachment)
        if self._bytes > self._max_bytes:
            raise ProtocolError("a packet with too large attachments")
        if len(self._attachments) < header.attachments:
            return None
        self._header = None
        try:
            data = _put_bytes(self._data, self._attachments)
        except RecursionError:
            raise ProtocolError("data that are nested too deeply") from None
        return Packet(_plain(header.type), header.namespace, data, header.id)


def _plain(packet_type: PacketType) -> PacketType:
    return PacketType(packet_type - 3) if packet_type in _BINARY else packet_type


def _parse_json(text: str) -> Any:
    if not text:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        if "\\u" not in text:
            raise ProtocolError("malformed JSON") from None
    try:
        # JavaScript writes half a surrogate pair as an escape, which orjson refuses and a chat has to live with.
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise ProtocolError("malformed JSON") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _check_data(header: Header, data: Any) -> None:
    match _plain(header.type):
        case PacketType.CONNECT:
            valid = header.id is None and (data is None or isinstance(data, dict))
        case PacketType.DISCONNECT:
            valid = header.id is None and data is None
        case PacketType.CONNECT_ERROR:
            valid = header.id is None and isinstance(data, dict | str)
        case PacketType.EVENT:
            valid = isinstance(data, list) and bool(data) and _is_event_name(data[0])
        case _:
            valid = isinstance(data, list) and header.id is not None
    if not valid:
        raise ProtocolError("the data do not fit the packet type")


def _is_event_name(name: Any) -> bool:
    if isinstance(name, str):
        return name not in RESERVED_EVENTS
    return isinstance(name, int) and not isinstance(name, bool)


def _has_bytes(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_bytes, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_has_bytes, value))
    return isinstance(value, bytes)


def _take_bytes(value: Any, attachments: list[bytes]) -> Any:
    if isinstance(value, bytes):
        attachments.append(value)
        return {"_placeholder": True, "num": len(attachments) - 1}
    if isinstance(value, dict):
        return {key: _take_bytes(item, attachments) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_take_bytes(item, attachments) for item in value]
    return value


def _put_bytes(value: Any, attachments: list[bytes]) -> Any:
    if isinstance(value, dict):
        if value.get("_placeholder") is not True:
            return {key: _put_bytes(item, attachments) for key, item in value.items()}
        number = value.get("num")
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < len(attachments):
            raise ProtocolError("a placeholder names no attachment")
        return attachments[number]
    if isinstance(value, list):
        return [_put_bytes(item, attachments) for item in value]
    return value
