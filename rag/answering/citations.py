"""From what a model claims to rest on to what an answer may show: only words that stand in a passage it was
served. Pure.

A model cites in two ways: natively, with the words it quotes, or by a bare `[n]` in its text. `DraftAnswer`
turns the first into the second as the text streams; `check_citations` checks both and numbers what is left
from 1.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rag.answering.markers import (
    MarkerRun,
    blank_markers,
    find_runs,
    shown_markers,
    strip_markers,
    without_lookalikes,
)
from rag.retrieval.passages import Passage, passage_url
from rag.text.quotes import find_quote, find_support
from rag.text.sentences import split_sentences

_LINE_START = re.compile(r"(?:^|\n)[ \t>*+\-#\d.]*\Z")
_MARKER_INSIDE = frozenset("[]^0123456789")  # what may not come together where a marker in between goes
_LINKING = frozenset("([:")  # directly behind a bracket these make a link of it
_LONGEST_CLAIM = 2000  # characters before a marker that are searched for the beginning of its sentence


@dataclass(slots=True)
class DraftAnswer:
    """The text of an answer while it streams, with native citations written into it as markers.

    White space at the end of a piece is held back until the next one, so that a citation that follows stands
    before it.
    """

    source_count: int
    text: str = ""
    quotes: dict[int, str] = field(default_factory=dict)
    unserved: int = 0
    _held: str = ""

    def add_text(self, piece: str) -> str:
        """Append and return what is new in `text`; may be empty."""
        whole = self._held + piece
        shown = whole.rstrip()
        self._held = whole[len(shown) :]
        self.text += shown
        return shown

    def add_citation(self, number: int, quote: str) -> str:
        """Note that the text so far rests on `quote` in source `number`; return what is new in `text`; may be empty.

        The model's own marker, if it just wrote it, is taken for this citation's.
        """
        if not 1 <= number <= self.source_count:
            self.unserved += 1
            return ""
        marker = f"[{number}]"
        own = len(self.text) - len(marker)
        if self.text.endswith(marker) and own not in self.quotes:
            self.quotes[own] = quote
            return ""
        shown = f" {marker}" if self.text else marker
        self.quotes[len(self.text) + len(shown) - len(marker)] = quote
        self.text += shown
        return shown


@dataclass(frozen=True, slots=True)
class Citation:
    """A checked citation: the words [start, end) of a passage's text."""

    number: int
    passage: Passage
    start: int
    end: int

    def as_dict(self, message_id: int) -> dict[str, Any]:
        """The snapshot that the answer's message keeps (docs/protocols.md)."""
        part = self.passage.part_at(self.start)
        return {
            "number": self.number,
            "documentId": str(self.passage.document_id),
            "chunkId": str(part.chunk_id),
            "documentTitle": self.passage.document_title,
            "page": part.page,
            "heading": self.passage.heading,
            "quote": self.passage.text[self.start : self.end],
            "url": passage_url(self.passage, (self.start, self.end), cited=(message_id, self.number)),
        }


@dataclass(frozen=True, slots=True)
class CheckedAnswer:
    """Text whose markers are `[1]` to `[k]`, first met in that order; citations; how many were dropped."""

    text: str
    citations: tuple[Citation, ...]
    dropped: int


def check_citations(text: str, quotes: Mapping[int, str], passages: Sequence[Passage]) -> CheckedAnswer:
    """Keep the citations that hold, renumber them, and take the others out of the text.

    Args:
        text: the answer with markers `[n]`, n counting `passages` from 1. Brackets in code are no markers.
        quotes: offset of a marker's bracket in `text` -> the words that it quotes. A marker without any is
            given the sentence of its passage that supports the sentence it stands in, or is dropped.
        passages: what the model was served, in that order.
    """
    for look_in_code in (False, True):
        check = _Check(text, passages, find_runs(text, quotes, look_in_code=look_in_code))
        checked = check.run()
        # What is code was only guessed. A reader must not see a marker that was not checked, so the parser has
        # the last word: guess again without code, and then do without citations.
        if _is_subsequence(shown_markers(checked.text), check.written):
            return checked
    bare = without_lookalikes(strip_markers(text)).strip()
    return CheckedAnswer(bare, (), len(check.written) + checked.dropped)


def _is_subsequence(numbers: Sequence[int], whole: Sequence[int]) -> bool:
    rest = iter(whole)
    return all(number in rest for number in numbers)


class _Check:
    """One pass over the runs of markers. `written` are the numbers of the markers that the new text has."""

    def __init__(self, text: str, passages: Sequence[Passage], runs: Sequence[MarkerRun]) -> None:
        self.written: list[int] = []
        self._text = text
        self._passages = passages
        self._runs = runs
        self._words = blank_markers(text)
        self._numbers: dict[tuple[int, int, int], int] = {}
        self._citations: list[Citation] = []
        self._dropped = 0

    def run(self) -> CheckedAnswer:
        pieces: list[str] = []
        end = 0
        for run in self._runs:
            pieces += [self._text[end : run.start], self._replacement(run)]
            end = run.end
        pieces.append(self._text[end:])
        return CheckedAnswer(
            without_lookalikes("".join(pieces)).strip(), tuple(self._citations), self._dropped
        )

    def _replacement(self, run: MarkerRun) -> str:
        """The run again with the numbers of what was kept; empty if nothing was."""
        kept = self._kept(run)
        after = self._text[run.end : run.end + 1]
        if not kept:
            before = self._text[run.start - 1 : run.start] if run.start else ""
            return " " if before in _MARKER_INSIDE and after in _MARKER_INSIDE else ""
        self.written += kept
        apart = " " if after in _LINKING else ""
        return run.spaces + "".join(f"[{number}]" for number in kept) + apart

    def _kept(self, run: MarkerRun) -> list[int]:
        quoted = {number for number, quote in run.claims if quote is not None}
        kept: list[int] = []
        for number, quote in run.claims:
            if quote is None and number in quoted:
                continue  # the model wrote the marker of a citation that it also gave natively
            citation = self._citation(number, quote, run)
            if citation is None:
                self._dropped += 1
            elif citation not in kept:
                kept.append(citation)
        return kept

    def _citation(self, number: int, quote: str | None, run: MarkerRun) -> int | None:
        """The new number of a citation that holds, else None."""
        if not 1 <= number <= len(self._passages):
            return None
        passage = self._passages[number - 1]
        if quote is not None:
            span = find_quote(quote, passage.text)
        else:
            span = find_support(self._claim(run), passage.text, split_sentences(passage.text))
        if span is None:
            return None
        key = (number, *span)
        if key not in self._numbers:
            self._numbers[key] = len(self._numbers) + 1
            self._citations.append(Citation(self._numbers[key], passage, *span))
        return self._numbers[key]

    def _claim(self, run: MarkerRun) -> str:
        """The sentence that the markers stand in or end, up to them; the one after, if they open a line."""
        before = self._words[max(0, run.start - _LONGEST_CLAIM) : run.start]
        if _LINE_START.search(before):
            after = self._words[run.end : run.end + _LONGEST_CLAIM].partition("\n")[0]
            sentences = split_sentences(after)
            return after[slice(*sentences[0])] if sentences else ""
        sentences = split_sentences(before)
        return before[slice(*sentences[-1])] if sentences else ""
