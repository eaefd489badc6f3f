"""Long tables of spreadsheets and CSV files, in pieces that each say what their columns are. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

from rag.parsing.blocks import BlockBuilder

# Below the 150 words of a chunk, so that a piece is cut by nobody.
MAX_PIECE_WORDS = 110
MAX_HEADER_WORDS = 60  # a longer header is told once: in each piece it would be most of it
_WORD_CHARACTERS = 8  # a long cell, or one without spaces, counts by its length

Row: TypeAlias = Sequence[str]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Neighbouring rows; `first` and `last` are their numbers in the sheet, from 1."""

    first: int
    last: int
    rows: list[Row]


def add_sheet(builder: BlockBuilder, rows: Iterable[Row], *, title: str = "") -> None:
    """Add the rows of a sheet below its title, in pieces below "rows 2 to 14" that each begin with the header.

    The header is the first row that is not empty, if two cells or more have words and none has a number.
    """
    builder.open_section(1, title)
    filled = ((number, _trimmed(row)) for number, row in enumerate(rows, 1) if any(map(str.strip, row)))
    first = next(filled, None)
    if first is None:
        return
    header = [first[1]] if _is_header(first[1]) else []
    words = _words(first[1]) if header else 0
    second = next(filled, None)
    if header and second is None:
        builder.add_table([list(first[1])])
        return
    following = chain(filter(None, [None if header else first, second]), filled)
    for piece in _pieces(following, MAX_PIECE_WORDS - words):
        builder.open_section(2, f"rows {piece.first} to {piece.last}")
        builder.add_table([list(row) for row in (*header, *piece.rows)])


def _trimmed(row: Row) -> Row:
    end = max(place for place, cell in enumerate(row, 1) if cell.strip())
    return row[:end]


def _is_header(row: Row) -> bool:
    named = [cell for cell in row if cell.strip()]
    return len(named) >= 2 and not any(map(_is_number, named)) and _words(row) <= MAX_HEADER_WORDS


def _is_number(cell: str) -> bool:
    return cell.strip(" %€$£+-").replace(",", "").replace(".", "").isdecimal()


def _words(row: Row) -> int:
    """About how many words a row counts as, the bars between its cells among them."""
    return sum(max(len(cell.split()), -(-len(cell) // _WORD_CHARACTERS)) + 1 for cell in row)


def _pieces(rows: Iterable[tuple[int, Row]], most_words: int) -> Iterator[_Piece]:
    taken: list[Row] = []
    first = last = words = 0
    for number, row in rows:
        size = _words(row)
        if taken and words + size > most_words:
            yield _Piece(first, last, taken)
            taken, words = [], 0
        first = first if taken else number
        last = number
        words += size
        taken.append(row)
    if taken:
        yield _Piece(first, last, taken)
