import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.sockets.protocol.engineio import (
    PAYLOAD_MAX_PACKETS,
    Handshake,
    Packet,
    PacketType,
    decode_packet,
    decode_payload,
    encode_packet,
    encode_payload,
)
from chat.sockets.protocol.errors import ProtocolError

texts = st.text(st.characters(exclude_characters="\x1e", exclude_categories=["Cs"]))
packets = st.one_of(
    st.builds(Packet, st.sampled_from(PacketType), texts),
    st.builds(Packet, st.just(PacketType.MESSAGE), st.binary()),
)


@pytest.mark.parametrize(
    ("packet", "wire"),
    [
        (Packet(PacketType.PING), "2"),
        (Packet(PacketType.PING, "probe"), "2probe"),
        (Packet(PacketType.MESSAGE, "hello"), "4hello"),
        (Packet(PacketType.MESSAGE, b"\x01\x02"), b"\x01\x02"),
        (Packet(PacketType.NOOP), "6"),
    ],
)
def test_packets_have_their_exact_wire_form(packet, wire):
    assert encode_packet(packet) == wire
    assert decode_packet(wire) == packet


def test_a_payload_has_its_exact_wire_form():
    # The example of the protocol's own document.
    body = "4hello\x1e2\x1ebAQIDBA=="

    assert encode_payload(["4hello", "2", b"\x01\x02\x03\x04"]) == body
    assert decode_payload(body) == [
        Packet(PacketType.MESSAGE, "hello"),
        Packet(PacketType.PING),
        Packet(PacketType.MESSAGE, b"\x01\x02\x03\x04"),
    ]


@given(packets)
def test_a_packet_survives_the_wire(packet):
    assert decode_packet(encode_packet(packet)) == packet


@given(st.lists(packets, min_size=1))
def test_a_payload_survives_the_wire(sent):
    assert decode_payload(encode_payload(map(encode_packet, sent))) == sent


@pytest.mark.parametrize("wire", ["", "7", "x", "\x00"])
def test_an_unknown_packet_is_refused(wire):
    with pytest.raises(ProtocolError):
        decode_packet(wire)


@pytest.mark.parametrize("body", ["", "4a\x1e", "\x1e4a", "b!!!", "bé", "b=", "4a\x1ex"])
def test_a_malformed_payload_is_refused(body):
    with pytest.raises(ProtocolError):
        decode_payload(body)


def test_a_payload_of_too_many_packets_is_refused():
    with pytest.raises(ProtocolError):
        decode_payload("\x1e".join(["3"] * (PAYLOAD_MAX_PACKETS + 1)))


def test_only_a_message_can_be_binary():
    with pytest.raises(ValueError, match="binary"):
        encode_packet(Packet(PacketType.PING, b"x"))


def test_the_handshake_is_an_open_packet():
    packet = Handshake("abc", ("websocket",), 25_000, 20_000, 1_000_000).packet()

    assert packet.type is PacketType.OPEN
    assert orjson.loads(packet.data) == {
        "sid": "abc",
        "upgrades": ["websocket"],
        "pingInterval": 25_000,
        "pingTimeout": 20_000,
        "maxPayload": 1_000_000,
    }
