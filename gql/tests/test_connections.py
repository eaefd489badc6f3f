"""Cursors and pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.errors import BadInput
from gql.lists.connections import PageRequest, cut_page, decode_cursor, encode_cursor, parse_page

INTEGERS = st.integers(-(2**63) + 1, 2**63 - 1)
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))


@given(number=INTEGERS, text=TEXTS)
def test_a_cursor_gives_back_its_key(number, text):
    cursor = encode_cursor((number, text))
    assert cursor.isascii() and "=" not in cursor
    assert decode_cursor(cursor, (int, str), argument="after") == (number, text)


@given(st.text())
def test_what_is_no_cursor_is_bad_input_and_nothing_else(text):
    try:
        decode_cursor(text, (int,), argument="after")
    except BadInput as error:
        assert list(error.fields) == ["after"]


@pytest.mark.parametrize("key", [("x",), (1, 2), (), (True,), (2**63,), (1.0,)])
def test_a_key_of_another_shape_is_refused(key):
    with pytest.raises(BadInput):
        decode_cursor(encode_cursor(key), (int,), argument="after")


async def _count() -> int:
    return 5


def test_pages_know_what_lies_on_either_side():
    def key(row: int) -> tuple[int]:
        return (row,)

    forward = cut_page([3, 4, 5], PageRequest(limit=2, after=(2,)), key=key, count=_count)
    backward = cut_page([3, 2], PageRequest(limit=2, before=(4,), backwards=True), key=key, count=_count)
    assert (list(forward.nodes), forward.has_next, forward.has_previous) == ([3, 4], True, True)
    assert (list(backward.nodes), backward.has_next, backward.has_previous) == ([2, 3], True, False)


def test_a_page_without_arguments_is_the_first_twenty():
    assert parse_page((int,)) == PageRequest(limit=20)
    assert parse_page((int,), before=encode_cursor((9,))).backwards
