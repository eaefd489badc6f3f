"""Chunks that follow each other in a document, as one passage: the words they share are read once. Pure."""

from collections.abc import Iterable
from dataclasses import replace

from rag.retrieval.passages import Passage

MOST_CHUNKS = 3  # in one passage: about 400 words, and no document comes back whole
_GAPS = {0: "", 1: " "}


def merge_neighbours(ranked: Iterable[Passage], *, most: int) -> list[Passage]:
    """Up to `most` passages, in the order of their best chunks; chunks beyond the last passage's first are not read.

    Neighbours under one heading become one passage, of MOST_CHUNKS at the most. It has the scores of its best chunk,
    the id and place of its first, and the text of all: that of the document, but for the kind of white space that
    may stand between two chunks.
    """
    found: list[Passage] = []
    for chunk in ranked:
        beside = [place for place, passage in enumerate(found) if _are_neighbours(passage, chunk)]
        if not beside and len(found) == most:
            break
        if not beside:
            found.append(chunk)
            continue
        best, *others = beside
        found[best] = _joined(found[best], chunk)
        for place in others:  # the chunk stood between two
            if _are_neighbours(found[best], found[place]):
                found[best] = _joined(found[best], found.pop(place))
    return found


def _are_neighbours(one: Passage, other: Passage) -> bool:
    if one.document_id != other.document_id or one.heading != other.heading:
        return False
    if one.ordinal is None or other.ordinal is None or one.chunk_count + other.chunk_count > MOST_CHUNKS:
        return False
    return other.ordinal + other.chunk_count == one.ordinal or one.ordinal + one.chunk_count == other.ordinal


def _joined(better: Passage, other: Passage) -> Passage:
    """Both as one, with the better one's scores."""
    first, second = sorted((better, other), key=lambda passage: passage.start or 0)
    gap = (second.start or 0) - (first.start or 0) - len(first.text)
    between = _GAPS.get(gap, "\n" * max(gap, 0))
    return replace(
        better,
        chunk_id=first.chunk_id,
        ordinal=first.ordinal,
        start=first.start,
        text=first.text + between + second.text[max(-gap, 0) :],
        page=first.page,
        page_end=second.page_end,
        chunk_count=better.chunk_count + other.chunk_count,
    )
