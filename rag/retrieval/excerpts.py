"""The part of a found passage that a list of results shows, and the words in it that were searched for. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rag.answering.extractive import LEAST_COSINE
from rag.reading import Piece
from rag.retrieval.passages import Passage
from rag.text.document_language import detect_language
from rag.text.sentences import split_sentences
from rag.text.words import content_words, pairs_in

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
    return [_result(query, passage) for passage in passages if _bears_on(query, passage)]


def _bears_on(query: str, passage: Passage) -> bool:
    if passage.bm25 > 0 or (passage.cosine or 0.0) >= LEAST_COSINE:
        return True
    around = f"{passage.document_title} {passage.heading} {passage.text}"
    language = detect_language(around)
    return not set(content_words(query, language)).isdisjoint(content_words(around, language))


def excerpt_of(query: str, text: str) -> list[Piece]:
    """The part of any text that a list of results shows, with the words of the query marked."""
    return _excerpt(query, text)[2]


def _result(query: str, passage: Passage) -> Result:
    return Result(passage, *_excerpt(query, passage.text))


def _excerpt(query: str, text: str) -> tuple[int, int, list[Piece]]:
    language = detect_language(text)
    words = set(content_words(query, language))
    start, end = best_part(words, text, language)
    return start, end, _pieces(words, text, start, end, language)


def _pieces(words: set[str], text: str, start: int, end: int, language: str) -> list[Piece]:
    before = [Piece("… ")] if start else []
    after = [Piece(" …")] if end < len(text) else []
    return [*before, *_marked(words, text[start:end], language), *after]


def best_part(words: set[str], text: str, language: str = "") -> tuple[int, int]:
    """Start and end of the sentences that hold most of the words, of equals the first: about EXCERPT_CHARACTERS."""
    spans = split_sentences(text)
    if not spans:
        return 0, min(len(text), EXCERPT_CHARACTERS)
    own = [words.intersection(content_words(text[start:end], language)) for start, end in spans]
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


def _marked(words: set[str], text: str, language: str) -> Iterator[Piece]:
    end = 0
    for first, last in _found(words, text, language):
        if first > end:
            yield Piece(text[end:first])
        yield Piece(text[first:last], is_marked=True)
        end = last
    if end < len(text):
        yield Piece(text[end:])


def _found(words: set[str], text: str, language: str) -> Iterator[tuple[int, int]]:
    """Where the words are, none over another; of Chinese, Japanese and Korean the pairs, joined where they overlap."""
    for match in _WORD.finditer(text):
        if words.isdisjoint(content_words(match[0], language)):
            continue
        pairs = [pair for pair in pairs_in(match[0]) if match[0][slice(*pair)] in words]
        if not pairs:
            yield match.span()
        while pairs:
            first, last = pairs.pop(0)
            while pairs and pairs[0][0] < last:
                last = pairs.pop(0)[1]
            yield match.start() + first, match.start() + last
