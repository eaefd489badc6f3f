"""RFC 6455 from a server's side, as far as frames go: what a client sends, read from the bytes as they arrive. Pure.

What a server sends is in `chat.sockets.protocol.websocket`; close and pong frames, which only a transport sends, are
here.
"""

from dataclasses import dataclass
from enum import IntEnum

from websockets.frames import CloseCode
from websockets.utils import apply_mask as apply_mask_slowly

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform for which there is no binary
    apply_mask = apply_mask_slowly

CONTROL_MAX_BYTES = 125
FRAGMENT_BYTES = 100  # what keeping one takes on top of its data
_FIN, _RESERVED, _OPCODE, _MASKED, _LENGTH = 0x80, 0x70, 0x0F, 0x80, 0x7F
_CLOSE_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)})  # section 7.4


class Opcode(IntEnum):
    """Section 5.2."""

    CONT = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


_OPCODES = {member.value: member for member in Opcode}
_DATA = frozenset({Opcode.CONT, Opcode.TEXT, Opcode.BINARY})


class FrameError(Exception):
    """The client broke the protocol: the connection is to be closed with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Control:
    """A close, ping or pong frame."""

    opcode: Opcode
    data: bytes


Received = str | bytes | Control  # a text message, a binary message, a control frame


class FrameReader:
    """The frames of one client.

    Attributes:
        extras: fragments and control frames so far, which cost the server more than the client.
    """

    __slots__ = ("_buffer", "_fragments", "_fragments_bytes", "_is_text", "_max_bytes", "extras")

    def __init__(self, max_bytes: int) -> None:
        """`max_bytes` of a message."""
        self._max_bytes = max_bytes
        self._buffer: bytearray | None = None  # the beginning of a frame
        self._fragments: list[bytes] | None = None  # of a message whose end is still to come
        self._fragments_bytes = 0
        self._is_text = False
        self.extras = 0

    @property
    def held_bytes(self) -> int:
        """What unfinished frames and messages take."""
        held = 0 if self._buffer is None else len(self._buffer)
        if self._fragments is not None:
            held += self._fragments_bytes + FRAGMENT_BYTES * len(self._fragments)
        return held

    def forget(self) -> None:
        """Give up what is unfinished: nothing more is read."""
        self._buffer = self._fragments = None

    def feed(self, data: bytes) -> list[Received]:
        """The messages and control frames that this completes, in order.

        Raises:
            FrameError: the client broke the protocol; what came before is lost, and nothing more may be fed.
        """
        received: list[Received] = []
        source: bytes | bytearray = data
        if self._buffer is not None:
            self._buffer += data
            source = self._buffer
        place = 0
        while (stop := self._read_frame(source, place, received)) > place:
            place = stop
        if place == len(source):
            self._buffer = None
        elif self._buffer is None:
            self._buffer = bytearray(source[place:])
        elif place:
            del self._buffer[:place]
        return received

    def _read_frame(self, source: bytes | bytearray, place: int, received: list[Received]) -> int:
        """Read the frame at `place`; where the next one begins, or `place` while the frame is incomplete."""
        start, end = place + 2, len(source)
        if end < start:
            return place
        first, second = source[place], source[place + 1]
        length = second & _LENGTH
        if length > CONTROL_MAX_BYTES:
            width = 2 if length == 126 else 8
            if end < start + width:
                return place
            length = int.from_bytes(source[start : start + width], "big")
            start += width
        if first != _FIN | Opcode.TEXT or not second & _MASKED or length > self._max_bytes:
            self._check_header(first, second, length)
        begin, stop = start + 4, start + 4 + length
        if end < stop:
            return place
        payload = apply_mask(source[begin:stop], source[start:begin])
        if first == _FIN | Opcode.TEXT and self._fragments is None:  # nearly all are
            received.append(_text(payload))
        else:
            self._take(_OPCODES[first & _OPCODE], bool(first & _FIN), payload, received)
        return stop

    def _check_header(self, first: int, second: int, length: int) -> None:
        opcode = _OPCODES.get(first & _OPCODE)
        if first & _RESERVED or opcode is None:
            raise FrameError(CloseCode.PROTOCOL_ERROR, "a reserved bit or opcode")
        if not second & _MASKED:
            raise FrameError(CloseCode.PROTOCOL_ERROR, "a frame that is not masked")
        if opcode in _DATA:
            before = 0 if self._fragments is None else self._fragments_bytes
            if before + length > self._max_bytes:
                raise FrameError(CloseCode.MESSAGE_TOO_BIG, "the message is too large")
        elif length > CONTROL_MAX_BYTES or not first & _FIN:
            raise FrameError(CloseCode.PROTOCOL_ERROR, "a control frame that is too long, or fragmented")

    def _take(self, opcode: Opcode, is_last: bool, payload: bytes, received: list[Received]) -> None:
        if opcode not in _DATA:
            self.extras += 1
            received.append(Control(opcode, payload))
            return
        if (opcode is Opcode.CONT) != (self._fragments is not None):
            raise FrameError(CloseCode.PROTOCOL_ERROR, "a fragment out of place")
        if self._fragments is None:
            self._is_text = opcode is Opcode.TEXT
            if is_last:
                received.append(payload)  # text that is whole does not come here
                return
            self._fragments, self._fragments_bytes = [], 0
        self.extras += 1
        self._fragments.append(payload)
        self._fragments_bytes += len(payload)
        if is_last:
            message = b"".join(self._fragments)
            self._fragments = None
            received.append(_text(message) if self._is_text else message)


def _text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise FrameError(CloseCode.INVALID_DATA, "text that is not UTF-8") from None


def close_code(payload: bytes) -> int:
    """The code of a client's close frame; 1005 for one that gives none.

    Raises:
        FrameError: it is no close frame of a client.
    """
    if not payload:
        return CloseCode.NO_STATUS_RCVD
    code = int.from_bytes(payload[:2], "big")
    if len(payload) < 2 or code not in _CLOSE_CODES:
        raise FrameError(CloseCode.PROTOCOL_ERROR, "an invalid close code")
    _text(payload[2:])
    return code


def close_frame(code: int, reason: str) -> bytes:
    """A server's close frame. The reason is cut where it does not fit."""
    data = reason.encode()[: CONTROL_MAX_BYTES - 2].decode(errors="ignore").encode()
    return bytes((_FIN | Opcode.CLOSE, 2 + len(data))) + code.to_bytes(2, "big") + data


def control_frame(opcode: Opcode, data: bytes) -> bytes:
    """A server's control frame, of at most 125 bytes of data."""
    return bytes((_FIN | opcode, len(data))) + data
