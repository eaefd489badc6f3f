import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from chat.sockets.protocol.websocket import encode_frame, text_frame


@pytest.mark.parametrize(
    ("length", "header"),
    [
        (0, "8100"),
        (125, "817d"),
        (126, "817e007e"),
        (65_535, "817effff"),
        (65_536, "817f0000000000010000"),
    ],
)
def test_the_header_says_the_length_in_the_shortest_form(length, header):
    frame = text_frame(b"x" * length)

    assert frame == bytes.fromhex(header) + b"x" * length


@given(st.text() | st.binary())
def test_frames_are_those_of_the_library(message):
    payload, opcode = (
        (message.encode(), Opcode.TEXT) if isinstance(message, str) else (message, Opcode.BINARY)
    )

    assert encode_frame(message) == Frame(opcode, payload).serialize(mask=False)
