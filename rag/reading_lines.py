"""How the lines of a document's text are shown: prose, headings, tables and code. Pure."""

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from itertools import groupby

from rag.parsing.media_types import HTML, MARKDOWN, SOURCE_CODE
from rag.reading import Piece

CELL_SEPARATOR = " | "  # as rag/parsing/blocks.py writes tables
_ITEM = re.compile(r"\s*(•|\d+\.) ")
_BETWEEN_CELLS = re.compile(r"( \| |\n)")
_CUT = "…"  # begins or ends a text that is a part of a longer one


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of one kind that follow each other: "text", "heading", "table" or "code"."""

    kind: str
    pieces: list[Piece]

    @property
    def rows(self) -> list[list[list[Piece]]]:
        """Of a table: its rows of cells of pieces, without what stands between cells."""
        rows: list[list[list[Piece]]] = [[[]]]
        for piece in self.pieces:
            is_first = True
            for run in filter(None, _BETWEEN_CELLS.split(piece.text)):
                if run == "\n":
                    rows.append([[]])
                elif run == CELL_SEPARATOR:
                    rows[-1].append([])
                else:
                    rows[-1][-1].append(replace(piece, text=run, is_place=piece.is_place and is_first))
                    is_first = False
        return [row for row in rows if any(row)]


def lines_of(pieces: Sequence[Piece], headings: Set[str], media_type: str = "") -> list[Lines]:
    """The same text in the same order, by the kinds of its lines.

    A line that is one of `headings` is a heading, one with cells belongs to a table. All of a program's lines are code.
    So are, in Markdown and HTML, paragraphs of several lines that are no list and no table: there the parsers keep
    line breaks of code alone.
    """
    text = "".join(piece.text for piece in pieces)
    lines = text.splitlines(keepends=True)
    kinds = ["code"] * len(lines) if media_type == SOURCE_CODE else _kinds(lines, headings, media_type)
    cut = _Cutter(pieces)
    return [
        Lines(kind, cut.take(sum(len(line) for line, _ in group)))
        for kind, group in groupby(zip(lines, kinds, strict=True), key=lambda pair: pair[1])
    ]


class _Cutter:
    """Hands out the text of pieces, so many characters at a time."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces
        self._number = self._offset = 0  # of the first character that was not handed out

    def take(self, wanted: int) -> list[Piece]:
        taken: list[Piece] = []
        while wanted:
            piece = self._pieces[self._number]
            run = piece.text[self._offset : self._offset + wanted]
            taken.append(replace(piece, text=run, is_place=piece.is_place and self._offset == 0))
            wanted -= len(run)
            self._offset += len(run)
            if self._offset == len(piece.text):
                self._number, self._offset = self._number + 1, 0
        return taken


def _kinds(lines: Sequence[str], headings: Set[str], media_type: str) -> list[str]:
    """The kind of each line; empty ones are text, unless there is code above and below them."""
    keeps_only_code = media_type in (MARKDOWN, HTML)
    kinds: list[str] = []
    empty_ones = 0  # since the last line that is not
    for is_empty, group in groupby(lines, key=lambda line: not line.strip()):
        block = list(group)
        if is_empty:
            empty_ones = len(block)
            continue
        is_code = keeps_only_code and _is_code(block, headings)
        goes_on = is_code and kinds[-1:] == ["code"]
        kinds += ["code" if goes_on else "text"] * empty_ones
        kinds += ["code"] * len(block) if is_code else [_kind(line, headings) for line in block]
        empty_ones = 0
    return kinds + ["text"] * empty_ones


def _is_code(block: Sequence[str], headings: Set[str]) -> bool:
    whole = [line for line in block if not (line.startswith(_CUT) or line.rstrip().endswith(_CUT))]
    if len(whole) < 2 or any(line.strip() in headings or _ITEM.match(line) for line in whole):
        return False
    return not all(CELL_SEPARATOR in line for line in whole)


def _kind(line: str, headings: Set[str]) -> str:
    if line.strip() in headings:
        return "heading"
    return "table" if CELL_SEPARATOR in line else "text"
