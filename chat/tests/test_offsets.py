import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.live.offsets import NUMBER_MAX, OFFSET_MAX_CHARACTERS, format_offset, parse_offset

POSITIONS = st.dictionaries(st.integers(1, NUMBER_MAX), st.integers(0, NUMBER_MAX), max_size=20)


def test_rooms_stand_in_the_order_of_their_ids():
    assert format_offset({9: 44, 7: 120}) == "7:120,9:44"


def test_no_rooms_are_an_empty_offset():
    assert (format_offset({}), parse_offset("")) == ("", {})


@given(POSITIONS)
def test_positions_survive_the_round_trip(positions):
    assert parse_offset(format_offset(positions)) == positions


@given(st.text(alphabet="0123456789:,-+ x\x00\u0663"))
def test_only_what_would_be_written_is_read(text):
    positions = parse_offset(text)

    assert positions is None or format_offset(positions) == text


@pytest.mark.parametrize(
    "offset",
    [
        None,
        7,
        ["7:1"],
        {"7": 1},
        "rubbish",
        "7",
        "7:",
        "7:1,",
        ",7:1",
        "7:-1",
        "-7:1",
        "0:1",
        "07:1",
        "7:1.5",
        "7:1,7:2",
        "9:1,7:2",
        f"7:{NUMBER_MAX + 1}",
        f"{NUMBER_MAX + 1}:1",
        "\u0667:1",
        "7:1\x00",
        "7:1\n",
        "1:1," * (OFFSET_MAX_CHARACTERS // 4) + "1:1",
        "1" * 10_000_000,
    ],
    ids=lambda offset: repr(offset)[:20],
)
def test_anything_else_is_no_offset(offset):
    assert parse_offset(offset) is None
