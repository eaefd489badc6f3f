"""From the lines of pages to paragraphs and headings. Pure.

A PDF knows where characters stand, not what a paragraph is. The rules here use what typesetting leaves
behind: the space between lines, a line that ends although the next word would have fitted, and the size of
letters.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.parsing.blocks import BlockBuilder
from rag.parsing.document import Block
from rag.parsing.pdf_page import Bookmark, Line, Page, drop_running_lines

HEADING_RATIO = 1.15  # how much larger than the body text a heading's letters are
MAX_HEADING_SHARE = 0.2  # of a document's characters; with more, size does not mean "heading"
MAX_TITLE_LINES = 3

_HYPHEN = "\x02"  # PDFium's mark where a word is divided at a line end
_DIVIDED_WORD = re.compile(rf"{_HYPHEN}\s*(\w?)")
_LEADERS = re.compile(r"(?: ?[.·_]){5,}")
_ITEM = re.compile(r"\s*(?:[-*•‣▪◦–·●○■□➢✓\uf0b7\uf0a7]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s")
_ENDS_SENTENCE = re.compile(r"[.!?:;。！？][\"'”’»)\]]*\s*\Z")
# The outline may leave out what is printed before a title, here without dots and spaces.
_TITLE_NUMBER = re.compile(
    r"(?:chapter|appendix|section|part|kapitel|anhang|abschnitt|teil)?[0-9ivxlc]{0,6}[a-z]?"
)
_SIGNS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class _Body:
    """What is usual in a document: the font size in points, and the space between lines in sizes."""

    size: float
    gap: float

    def is_large(self, size: float) -> bool:
        return size >= self.size * HEADING_RATIO


@dataclass(frozen=True, slots=True)
class _Paragraph:
    text: str
    size: float
    lines: int
    page: int

    def may_be_heading(self) -> bool:
        letters = sum(map(str.isalpha, self.text))
        return (
            self.lines <= MAX_TITLE_LINES
            and len(self.text) <= 120
            and letters > len(self.text) // 2
            and not self.text.endswith((".", ",", ";", ":"))
        )


def read_pages(pages: Sequence[Page], bookmarks: Sequence[Bookmark]) -> tuple[Block, ...]:
    """Return the paragraphs and headings of a document, without running headers and footers.

    Headings are the titles of the outline; without one, short paragraphs in larger letters.
    """
    pages = drop_running_lines(pages)
    body = _measure(pages)
    builder = BlockBuilder()
    if bookmarks:
        for page in pages:
            _read_page(builder, page, [mark for mark in bookmarks if mark.page == page.number], body)
    else:
        _read_by_size(builder, pages, body)
    return builder.build()


def _measure(pages: Sequence[Page]) -> _Body:
    sizes: Counter[float] = Counter()
    gaps: Counter[float] = Counter()
    for page in pages:
        for line in page.lines:
            sizes[_rounded(line.size)] += len(line.text)
        for before, after in zip(page.lines, page.lines[1:], strict=False):
            gap = _gap(before, after)
            if -0.6 < gap < 2:
                gaps[round(gap, 1)] += 1
    return _Body(_most_common(sizes), _most_common(gaps))


def _most_common(counts: Counter[float]) -> float:
    return counts.most_common(1)[0][0] if counts else 0.0


def _rounded(size: float) -> float:
    return round(size * 2) / 2


def _gap(before: Line, after: Line) -> float:
    return (before.bottom - after.top) / max(before.size, after.size, 1.0)


def _read_page(builder: BlockBuilder, page: Page, bookmarks: Sequence[Bookmark], body: _Body) -> None:
    position = 0
    for bookmark in bookmarks:
        start, end = _find_title(page.lines, bookmark, position)
        _add_paragraphs(builder, page, page.lines[position:start], body)
        if start < end:
            title = _join_lines(page.lines[start:end], [" "] * (end - start - 1))
            builder.add_heading(bookmark.level, title, page.number)
        else:
            builder.open_section(bookmark.level, bookmark.title)
        position = end
    _add_paragraphs(builder, page, page.lines[position:], body)


def _add_paragraphs(builder: BlockBuilder, page: Page, lines: Sequence[Line], body: _Body) -> None:
    for paragraph in _paragraphs(page, lines, body):
        builder.add_verbatim(paragraph.text, page.number)


def _find_title(lines: Sequence[Line], bookmark: Bookmark, position: int) -> tuple[int, int]:
    """Return which lines, from `position` on, are the title: (first, after last); equal if none is.

    Then they say where its section begins.
    """
    wanted = _letters(bookmark.title)
    for start in range(position, len(lines)):
        found = ""
        for end in range(start + 1, min(start + MAX_TITLE_LINES, len(lines)) + 1):
            found += _letters(lines[end - 1].text)
            if wanted and found.endswith(wanted) and _TITLE_NUMBER.fullmatch(found[: -len(wanted)]):
                return start, end
    if bookmark.top is None:
        return position, position
    below = (index for index in range(position, len(lines)) if lines[index].bottom < bookmark.top)
    start = next(below, len(lines))
    return start, start


def _letters(text: str) -> str:
    return _SIGNS.sub("", text.replace(_HYPHEN, "")).casefold()


def _read_by_size(builder: BlockBuilder, pages: Sequence[Page], body: _Body) -> None:
    paragraphs = [paragraph for page in pages for paragraph in _paragraphs(page, page.lines, body)]
    levels = _heading_levels(paragraphs, body)
    for paragraph in paragraphs:
        level = levels.get(_rounded(paragraph.size))
        if level is not None and paragraph.may_be_heading():
            builder.add_heading(level, paragraph.text, paragraph.page)
        else:
            builder.add_verbatim(paragraph.text, paragraph.page)


def _heading_levels(paragraphs: Sequence[_Paragraph], body: _Body) -> dict[float, int]:
    """Return heading levels by font size, the largest first; empty where sizes do not tell."""
    headings: Counter[float] = Counter()
    for paragraph in paragraphs:
        if body.is_large(paragraph.size) and paragraph.may_be_heading():
            headings[_rounded(paragraph.size)] += len(paragraph.text)
    if headings.total() > MAX_HEADING_SHARE * sum(len(paragraph.text) for paragraph in paragraphs):
        return {}
    return {size: level for level, size in enumerate(sorted(headings, reverse=True), start=1)}


def _paragraphs(page: Page, lines: Sequence[Line], body: _Body) -> Iterator[_Paragraph]:
    for column in _columns(lines):
        right = max(line.right for line in column)
        first = 0
        joints: list[str] = []
        for position in range(1, len(column) + 1):
            joint = (
                _joint(column[position - 1], column[position], right, body)
                if position < len(column)
                else None
            )
            if joint is not None:
                joints.append(joint)
                continue
            own = column[first:position]
            yield _Paragraph(_join_lines(own, joints), max(line.size for line in own), len(own), page.number)
            first, joints = position, []


def _columns(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Yield runs of lines that go down the page: the next column starts higher up."""
    column: list[Line] = []
    for line in lines:
        if column and line.bottom > column[-1].top:
            yield column
            column = []
        column.append(line)
    if column:
        yield column


def _joint(before: Line, after: Line, right: float, body: _Body) -> str | None:
    """Return what joins two lines of one paragraph: a space or a line end; None if `after` starts another."""
    ratio = after.size / before.size if before.size > 0 else 1.0
    if _gap(before, after) > body.gap + 0.4 or not 1 / HEADING_RATIO < ratio < HEADING_RATIO:
        return None
    if _ITEM.match(after.text):
        return "\n"
    first_word = after.text.split(maxsplit=1)[0]
    width = (after.right - after.left) / max(1, len(after.text)) * (len(first_word) + 2)
    if before.right + 1.3 * width > right:
        return " "  # the line was full
    if body.is_large(before.size) or _ENDS_SENTENCE.search(before.text):
        return None
    return "\n"


def _join_lines(lines: Sequence[Line], joints: Sequence[str]) -> str:
    parts = [lines[0].text]
    for line, joint in zip(lines[1:], joints, strict=True):
        parts += (joint, line.text)
    text = _LEADERS.sub(" … ", _DIVIDED_WORD.sub(_close_word, "".join(parts)))
    return "\n".join(" ".join(part.split()) for part in text.split("\n"))


def _close_word(match: re.Match[str]) -> str:
    """Close a divided word; "COVID-19" and "Anglo-Saxon" keep their hyphen."""
    return match[1] if match[1].islower() else f"-{match[1]}"
