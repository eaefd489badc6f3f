"""Showing a document's text: parts, passages, marks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.reading import (
    PART_CHARACTERS,
    Part,
    Piece,
    parse_span,
    part_at,
    pieces_around,
    pieces_of_part,
)

TEXT = "One two three. " * 400


@pytest.mark.parametrize(
    ("value", "span"),
    [
        ("0-3", (0, 3)),
        ("3-3", None),
        ("4-3", None),
        ("0-11", None),
        ("-1-3", None),
        ("a-b", None),
        ("", None),
    ],
)
def test_a_span_must_lie_within_the_text(value, span):
    assert parse_span(value, 10) == span


def test_a_passage_stands_among_its_neighbours_with_its_words_marked():
    pieces = pieces_around("Before it. The pump runs. After it.", (11, 25), (15, 19))

    assert pieces == [
        Piece("Before it. "),
        Piece("The ", is_passage=True),
        Piece("pump", is_passage=True, is_marked=True),
        Piece(" runs.", is_passage=True),
        Piece(" After it."),
    ]


def test_what_surrounds_a_passage_is_cut_between_words():
    pieces = pieces_around(TEXT, (3000, 3015), None)

    assert pieces[0].text.startswith("… ")
    assert pieces[0].text[2:] in TEXT
    assert pieces[-1].text.endswith(" …")


@given(st.text(alphabet="ab \n", max_size=80), st.data())
def test_pieces_hold_the_passage_exactly(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))

    pieces = pieces_around(text, (start, end), None)

    assert "".join(piece.text for piece in pieces if piece.is_passage) == text[start:end]


def test_a_short_text_is_one_part():
    assert part_at("short", 0) == Part(0, 5, None, None, 1, 1)
    assert part_at("", 7) == Part(0, 0, None, None, 1, 1)


@given(st.integers(0, 70_000))
def test_every_character_is_in_exactly_one_part(offset):
    text = "words in a line\n" * 4000

    part = part_at(text, offset)

    if offset < len(text):
        assert part.start <= offset < part.end
    assert part.end - part.start <= PART_CHARACTERS
    if part.next is not None:
        assert part.next == part.end
        assert part_at(text, part.next).previous == part.start


def test_a_mark_across_parts_is_cut_at_the_border():
    part = Part(0, 10, None, 10, 1, 2)

    assert pieces_of_part("0123456789abcdef", part, (8, 12)) == [
        Piece("01234567"),
        Piece("89", is_marked=True, is_place=True),
    ]
