"""RFC 6455 data frames as a server sends them: unmasked, one frame per message, so the same for every client."""

import struct

TEXT, BINARY = 0x81, 0x82  # the last (and only) frame of a message, and its opcode (section 5.2)
_SHORT_MAX, _MEDIUM_MAX = 125, 0xFFFF


def text_frame(payload: bytes) -> bytes:
    """A text message whose UTF-8 bytes are given."""
    return _header(TEXT, len(payload)) + payload


def encode_frame(message: str | bytes) -> bytes:
    """A text message of a str, a binary message of bytes."""
    if isinstance(message, str):
        return text_frame(message.encode())
    return _header(BINARY, len(message)) + message


def _header(first: int, length: int) -> bytes:
    if length <= _SHORT_MAX:
        return bytes((first, length))
    if length <= _MEDIUM_MAX:
        return struct.pack("!BBH", first, 126, length)
    return struct.pack("!BBQ", first, 127, length)
