"""Chunks that follow each other in a document, as one passage: the words they share are read once. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from rag.retrieval.passages import Part, Passage
from rag.text.tokens import estimate_tokens

MOST_CHUNKS = 3  # in one passage: about 400 words, and no document comes back whole
_GAPS = {0: "", 1: " "}


def merge_neighbours(
    ranked: Iterable[Passage], *, most: int, most_tokens: int | None = None
) -> list[Passage]:
    """Up to `most` passages, in the order of their best chunks; chunks beyond the last passage's first are not read.

    They have `most_tokens` together, or are one: a chunk that does not fit ends the list, so that no neighbour takes
    the room of a better chunk.

    Neighbours under one heading become one passage, of MOST_CHUNKS at the most. It has the scores of its best chunk,
    the id and place of its first, and the text of all: that of the document, but for the kind of white space that
    may stand between two chunks.
    """
    found: list[Passage] = []
    for chunk in ranked:
        grown = _with(found, chunk)
        if len(grown) > most or (found and most_tokens is not None and _tokens(grown) > most_tokens):
            break
        found = grown
    return found


def _with(passages: Sequence[Passage], chunk: Passage) -> list[Passage]:
    """The passages and the chunk, which is part of the best of its neighbours where it has any."""
    grown = list(passages)
    beside = [place for place, passage in enumerate(grown) if _are_neighbours(passage, chunk)]
    if not beside:
        return [*grown, chunk]
    best, *others = beside
    grown[best] = _joined(grown[best], chunk)
    for place in others:  # the chunk stood between two
        if _are_neighbours(grown[best], grown[place]):
            grown[best] = _joined(grown[best], grown.pop(place))
    return grown


def _tokens(passages: Sequence[Passage]) -> int:
    return sum(estimate_tokens(passage.text) for passage in passages)


def _are_neighbours(one: Passage, other: Passage) -> bool:
    if one.document_id != other.document_id or one.heading != other.heading:
        return False
    if one.ordinal is None or other.ordinal is None or one.chunk_count + other.chunk_count > MOST_CHUNKS:
        return False
    return other.ordinal + other.chunk_count == one.ordinal or one.ordinal + one.chunk_count == other.ordinal


def _joined(better: Passage, other: Passage) -> Passage:
    """Both as one, with the better one's scores."""
    first, second = sorted((better, other), key=lambda passage: passage.start or 0)
    return replace(
        better,
        chunk_id=first.chunk_id,
        ordinal=first.ordinal,
        start=first.start,
        text=join_texts([(first.start or 0, first.text), (second.start or 0, second.text)]),
        page=first.page,
        page_end=second.page_end,
        chunk_count=better.chunk_count + other.chunk_count,
        parts=(*_parts(first, 0), *_parts(second, (second.start or 0) - (first.start or 0))),
    )


def _parts(passage: Passage, offset: int) -> tuple[Part, ...]:
    """Its chunks, as they stand in a passage in which it begins at `offset`."""
    parts = passage.parts or (passage.part_at(0),)
    return tuple(replace(part, offset=part.offset + offset) for part in parts)


def join_texts(chunks: Sequence[tuple[int, str]]) -> str:
    """The text of chunks that follow each other, each with its start in the document; what they share is there once."""
    (begin, joined), *others = chunks
    for start, text in others:
        gap = start - begin - len(joined)
        joined += _GAPS.get(gap, "\n" * max(gap, 0)) + text[max(-gap, 0) :]
    return joined
