"""The part of a found passage that a list of results shows, and the words in it that were searched for. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rag.answering.extractive import LEAST_COSINE
from rag.reading import Piece
from rag.retrieval.passages import Passage
from rag.text.sentences import split_sentences
from rag.text.words import content_words

EXCERPT_CHARACTERS = 280
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Result:
    """A passage and its excerpt; [start, end) is the excerpt's place in the passage's text."""

    passage: Passage
    start: int
    end: int
    pieces: list[Piece]


def results_of(query: str, passages: Iterable[Passage]) -> list[Result]:
    """The passages that bear on the query, in their order, each with its best part.

    Search gives the nearest passages, however far they are: one that has no word of the query (by search's own
    reckoning, which knows misspellings, or as written) and is not close in meaning either is left out.
    """
    words = set(content_words(query))
    return [_result(words, passage) for passage in passages if _bears_on(words, passage)]


def _bears_on(words: set[str], passage: Passage) -> bool:
    if passage.bm25 > 0 or (passage.cosine or 0.0) >= LEAST_COSINE:
        return True
    around = f"{passage.document_title} {passage.heading} {passage.text}"
    return not words.isdisjoint(content_words(around))


def excerpt_of(query: str, text: str) -> list[Piece]:
    """The part of any text that a list of results shows, with the words of the query marked."""
    words = set(content_words(query))
    return _pieces(words, text, *best_part(words, text))


def _result(words: set[str], passage: Passage) -> Result:
    start, end = best_part(words, passage.text)
    return Result(passage, start, end, _pieces(words, passage.text, start, end))


def _pieces(words: set[str], text: str, start: int, end: int) -> list[Piece]:
    before = [Piece("… ")] if start else []
    after = [Piece(" …")] if end < len(text) else []
    return [*before, *_marked(words, text[start:end]), *after]


def best_part(words: set[str], text: str) -> tuple[int, int]:
    """Start and end of the sentences that hold most of the words, of equals the first: about EXCERPT_CHARACTERS."""
    spans = split_sentences(text)
    if not spans:
        return 0, min(len(text), EXCERPT_CHARACTERS)
    own = [words.intersection(content_words(text[start:end])) for start, end in spans]
    best, most = 0, -1
    for first in range(len(spans)):
        found = len(set().union(*own[first : _last(spans, first) + 1])) if own[first] else 0
        if found > most:
            best, most = first, found
    start, end = spans[best][0], spans[_last(spans, best)][1]
    return start, min(end, start + EXCERPT_CHARACTERS)


def _last(spans: Sequence[tuple[int, int]], first: int) -> int:
    """The last sentence that fits into an excerpt which begins with the first."""
    last = first
    while last + 1 < len(spans) and spans[last + 1][1] - spans[first][0] <= EXCERPT_CHARACTERS:
        last += 1
    return last


def _marked(words: set[str], text: str) -> Iterator[Piece]:
    end = 0
    for match in _WORD.finditer(text):
        if not words.isdisjoint(content_words(match[0])):
            yield from (Piece(text[end : match.start()]),) if match.start() > end else ()
            yield Piece(match[0], is_marked=True)
            end = match.end()
    if end < len(text):
        yield Piece(text[end:])
