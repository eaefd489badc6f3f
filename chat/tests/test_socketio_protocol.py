import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.sockets.protocol.errors import ProtocolError
from chat.sockets.protocol.socketio import (
    ATTACHMENTS_MAX,
    RESERVED_EVENTS,
    Decoder,
    Header,
    Packet,
    PacketType,
    encode,
    parse_header,
)

CONNECT, DISCONNECT, EVENT, ACK = (
    PacketType.CONNECT,
    PacketType.DISCONNECT,
    PacketType.EVENT,
    PacketType.ACK,
)
CONNECT_ERROR = PacketType.CONNECT_ERROR

# Exact strings, most of them from the protocol's own document.
EXAMPLES = [
    (Packet(CONNECT), ["0"]),
    (Packet(CONNECT, "/admin", {"token": "123"}), ['0/admin,{"token":"123"}']),
    (Packet(CONNECT_ERROR, data={"message": "Not authorized"}), ['4{"message":"Not authorized"}']),
    (Packet(DISCONNECT, "/admin"), ["1/admin,"]),
    (Packet(EVENT, data=["foo"]), ['2["foo"]']),
    (Packet(EVENT, "/admin", ["bar"]), ['2/admin,["bar"]']),
    (Packet(EVENT, data=["foo"], id=12), ['212["foo"]']),
    (Packet(ACK, "/admin", ["bar"], 13), ['3/admin,13["bar"]']),
    (Packet(ACK, data=[], id=0), ["30[]"]),
    (
        Packet(EVENT, data=["baz", b"\x01\x02\x03\x04"]),
        ['51-["baz",{"_placeholder":true,"num":0}]', b"\x01\x02\x03\x04"],
    ),
    (
        Packet(ACK, "/admin", [{"a": [b"1", b"2"]}], 15),
        ['62-/admin,15[{"a":[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]}]', b"1", b"2"],
    ),
]

numbers = st.integers(-(2**53), 2**53)
scalars = st.one_of(st.none(), st.booleans(), numbers, st.text(st.characters(exclude_categories=["Cs"])))
names = st.text(st.characters(exclude_categories=["Cs"])).filter(lambda name: name not in RESERVED_EVENTS)


def values(leaf):
    keys = st.text(st.characters(exclude_categories=["Cs"])).filter(lambda key: key != "_placeholder")
    return st.recursive(
        leaf, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3))
    )


def count_bytes(value: object) -> int:
    if isinstance(value, dict):
        return sum(map(count_bytes, value.values()))
    if isinstance(value, list):
        return sum(map(count_bytes, value))
    return isinstance(value, bytes)


arguments = st.lists(values(st.one_of(scalars, st.binary())), max_size=4).filter(
    lambda items: count_bytes(items) <= ATTACHMENTS_MAX
)
namespaces = st.one_of(st.just("/"), st.from_regex(r"/[a-z0-9_-]{1,10}", fullmatch=True))
ack_ids = st.integers(0, 10**15 - 1)
packets = st.one_of(
    st.builds(Packet, st.just(EVENT), namespaces, st.builds(lambda n, a: [n, *a], names, arguments), ack_ids),
    st.builds(Packet, st.just(EVENT), namespaces, st.builds(lambda n, a: [n, *a], names, arguments)),
    st.builds(Packet, st.just(ACK), namespaces, arguments, ack_ids),
    st.builds(Packet, st.just(CONNECT), namespaces, st.dictionaries(names, scalars)),
    st.builds(Packet, st.just(DISCONNECT), namespaces),
)


def decode(messages: list[str | bytes]) -> Packet:
    decoder = Decoder()
    *early, last = [decoder.feed(message) for message in messages]
    assert early == [None] * len(early)
    assert last is not None
    return last


@pytest.mark.parametrize(("packet", "wire"), EXAMPLES)
def test_packets_have_their_exact_wire_form(packet, wire):
    assert encode(packet) == wire
    assert decode(wire) == packet


@given(packets)
def test_a_packet_survives_the_wire(packet):
    assert decode(encode(packet)) == packet


@given(st.text())
def test_any_text_is_a_packet_or_refused(text):
    try:
        Decoder().feed(text)
    except ProtocolError:
        pass


@pytest.mark.parametrize(
    "wire",
    [
        "",
        "7",
        "x",
        "2",
        "2{}",
        "2[]",
        "2[null]",
        "2[true]",
        '2["connect"]',
        '2["disconnect"]',
        '2["a"',
        '2["a"]]',
        "3[1]",
        '3"a"',
        "30{}",
        "0[]",
        '0"a"',
        "01{}",
        '1{"a":1}',
        "2abc",
        '2-1["a"]',
        '21-["a"]',
        '5["a"]',
        '5-["a"]',
        '511-["a"]',
        '2/admin["a"]',
        '21234567890123456["a"]',
        '2["a",NaN]',
        '2["\\u",1]',
        '2["\\ud83d' + "[" * 100_000,
        "2" + "[" * 100_000,
    ],
)
def test_malformed_text_is_refused(wire):
    with pytest.raises(ProtocolError):
        Decoder().feed(wire)


def test_half_a_surrogate_pair_is_let_through():
    packet = Decoder().feed('2["say","\\ud83d"]')

    assert packet == Packet(EVENT, data=["say", "\ud83d"])


def test_text_between_attachments_is_refused():
    decoder = Decoder()
    assert decoder.feed('51-["a",{"_placeholder":true,"num":0}]') is None

    with pytest.raises(ProtocolError):
        decoder.feed('2["b"]')


def test_an_attachment_of_no_packet_is_refused():
    with pytest.raises(ProtocolError):
        Decoder().feed(b"1")


@pytest.mark.parametrize("number", ["1", "-1", "true", '"0"', "null"])
def test_a_placeholder_without_its_attachment_is_refused(number):
    decoder = Decoder()
    decoder.feed('51-["a",{"_placeholder":true,"num":' + number + "}]")

    with pytest.raises(ProtocolError):
        decoder.feed(b"1")


def test_a_header_is_read_without_its_json():
    assert parse_header("2/admin,7[not json") == Header(EVENT, 0, "/admin", 7, 9)
    assert parse_header("0/admin?token=1,{}").namespace == "/admin"
    assert parse_header("0/admin").namespace == "/admin"
