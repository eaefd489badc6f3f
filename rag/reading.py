"""How a document's text is shown: whole in parts, or around one passage; with the words that a citation rests on."""

import re
from dataclasses import dataclass

PART_CHARACTERS = 20_000
AROUND_CHARACTERS = 1_200
_SPAN = re.compile(r"(\d{1,9})-(\d{1,9})")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text, and whether it is the passage or, in it, the marked words.

    `is_place`: a link leads to its start.
    """

    text: str
    is_passage: bool = False
    is_marked: bool = False
    is_place: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """Characters [start, end) of a text; `previous` and `next` are where its neighbours start, None at the ends."""

    start: int
    end: int
    previous: int | None
    next: int | None
    number: int
    count: int


def parse_span(value: str, length: int) -> tuple[int, int] | None:
    """Offsets written as `12-40` that lie within a text of that length and hold something; else None."""
    match = _SPAN.fullmatch(value)
    if match is None:
        return None
    start, end = int(match[1]), int(match[2])
    return (start, end) if start < end <= length else None


def pieces_around(text: str, passage: tuple[int, int], mark: tuple[int, int] | None) -> list[Piece]:
    """The passage with about AROUND_CHARACTERS of its document on each side, cut where words end; no piece is empty.

    Args:
        passage, mark: offsets in `text`; the mark lies inside the passage.
    """
    start, end = passage
    first = _word_start(text, max(0, start - AROUND_CHARACTERS), start)
    last = _word_end(text, min(len(text), end + AROUND_CHARACTERS), end)
    mark_start, mark_end = mark or (end, end)
    pieces = [
        Piece(("… " if first else "") + text[first:start].lstrip()),
        Piece(text[start:mark_start], is_passage=True),
        Piece(text[mark_start:mark_end], is_passage=True, is_marked=True),
        Piece(text[mark_end:end], is_passage=True),
        Piece(text[end:last].rstrip() + (" …" if last < len(text) else "")),
    ]
    return [piece for piece in pieces if piece.text]


def pieces_of_part(
    text: str, part: Part, mark: tuple[int, int] | None, place: int | None = None
) -> list[Piece]:
    """A part of the text, with those words marked that lie in it, or a piece that begins at the place."""
    start, end = mark or (part.end, part.end)
    start, end = (min(max(offset, part.start), part.end) for offset in (start, end))
    if mark is None and place is not None and part.start <= place < part.end:
        return [Piece(text[part.start : place])] * (place > part.start) + [
            Piece(text[place : part.end], is_place=True)
        ]
    pieces = [
        Piece(text[part.start : start]),
        Piece(text[start:end], is_marked=True, is_place=True),
        Piece(text[end : part.end]),
    ]
    return [piece for piece in pieces if piece.text]


def part_at(text: str, offset: int) -> Part:
    """The part that holds the character at `offset`. Parts end at the end of a line where there is one nearby."""
    starts = [0]
    while (end := _part_end(text, starts[-1])) < len(text):
        starts.append(end)
    index = max(n for n, start in enumerate(starts) if start <= max(0, offset))
    is_last = index + 1 == len(starts)
    return Part(
        start=starts[index],
        end=len(text) if is_last else starts[index + 1],
        previous=starts[index - 1] if index else None,
        next=None if is_last else starts[index + 1],
        number=index + 1,
        count=len(starts),
    )


def _part_end(text: str, start: int) -> int:
    end = start + PART_CHARACTERS
    if end >= len(text):
        return len(text)
    line_end = text.rfind("\n", end - PART_CHARACTERS // 4, end)
    return line_end + 1 if line_end > 0 else end


def _word_start(text: str, offset: int, limit: int) -> int:
    if offset == 0:
        return 0
    space = re.compile(r"\s").search(text, offset, limit)
    return space.end() if space else offset


def _word_end(text: str, offset: int, limit: int) -> int:
    if offset == len(text):
        return offset
    space = max(text.rfind(" ", limit, offset), text.rfind("\n", limit, offset))
    return space if space > limit else offset
