"""The lines of a page, and which of them belong to every page alike. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

MARGIN = 0.1  # share of a page's height in which running headers and footers stand

_OUTER_NUMBER = re.compile(r"\A\s*(\d{1,5})(?=\s|\Z)|(?:\A|(?<=\s))(\d{1,5})\s*\Z")
_PAGE_NUMBER = "#"
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text and where it stands, in points; y grows upwards. `size` is that of its font."""

    text: str
    left: float
    right: float
    top: float
    bottom: float
    size: float


@dataclass(frozen=True, slots=True)
class Page:
    """A page by its number, from 1: lines in reading order, bottom and top edge in points.

    `is_scan` says that it shows a picture and has no text.
    """

    number: int
    lines: tuple[Line, ...]
    bottom: float
    top: float
    is_scan: bool = False

    def in_margin(self, line: Line) -> bool:
        """Tell whether a line stands where headers and footers do."""
        margin = MARGIN * (self.top - self.bottom)
        return line.bottom > self.top - margin or line.top < self.bottom + margin


@dataclass(frozen=True, slots=True)
class Bookmark:
    """An entry of the outline: level from 0, page from 1, `top` in points where the entry says so."""

    level: int
    title: str
    page: int
    top: float | None


def drop_running_lines(pages: Sequence[Page]) -> list[Page]:
    """Return the pages without running headers, footers and page numbers.

    These are the lines in a margin that stand on 3 pages or more, equal but for their numbers, and those that
    begin or end with a number that goes with the pages. A page that would lose all its lines keeps them.
    """
    offset = _page_number_offset(pages)
    keys = [[_running_key(line, page, offset) for line in page.lines] for page in pages]
    seen = Counter(key for of_page in keys for key in set(of_page) if key is not None)
    often = max(3, len(pages) // 20)
    repeated = {key for key, count in seen.items() if count >= often or key == _PAGE_NUMBER}
    kept = []
    for page, of_page in zip(pages, keys, strict=True):
        lines = tuple(line for line, key in zip(page.lines, of_page, strict=True) if key not in repeated)
        kept.append(replace(page, lines=lines) if lines else page)
    return kept


def _running_key(line: Line, page: Page, page_number_offset: int | None) -> str | None:
    """Return what makes a line in a margin the same on other pages, None elsewhere."""
    if not page.in_margin(line):
        return None
    if page_number_offset is not None and page.number + page_number_offset in _outer_numbers(line):
        return _PAGE_NUMBER
    return _DIGITS.sub("#", " ".join(line.text.split()))


def _page_number_offset(pages: Sequence[Page]) -> int | None:
    """Return how far printed page numbers are ahead of the pages, None if no number goes with most."""
    offsets: Counter[int] = Counter()
    for page in pages:
        numbers = (_outer_numbers(line) for line in page.lines if page.in_margin(line))
        offsets.update({number - page.number for of_line in numbers for number in of_line})
    if not offsets:
        return None
    offset, count = offsets.most_common(1)[0]
    return offset if count >= max(3, len(pages) // 2) else None


def _outer_numbers(line: Line) -> set[int]:
    """Return the numbers that a line begins and ends with."""
    return {int(first or last) for first, last in _OUTER_NUMBER.findall(line.text)}
