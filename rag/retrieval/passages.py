"""A passage: a piece of a document as search found it and as an answer may cite it. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Passage:
    """One chunk, or `chunk_count` that follow each other, with the scores that search gave it.

    `chunk_id` is the (first) chunk's. `text` is the chunk exactly as stored; offsets of a quote count its
    characters. `page` and `page_end` are 1-based and None for formats without pages; `heading` is the path
    joined by " › ", or "". `score` is the fused score that orders passages; `cosine` is None while the chunk has
    no vector of the current embedder; `bm25` is 0 without a common word. `ordinal` is the chunk's place in its
    document and `start` that of its text in the document's, both from 0; None where nobody asked for them.
    """

    chunk_id: int
    document_id: int
    document_title: str
    collection_id: int
    text: str
    page: int | None
    page_end: int | None
    heading: str
    score: float
    cosine: float | None
    bm25: float
    ordinal: int | None = None
    start: int | None = None
    chunk_count: int = 1


def passage_url(passage: Passage, span: tuple[int, int] | None = None) -> str:
    """The page that shows the passage in its document; `span` (offsets in its text) is marked there.

    One of several chunks is shown, and marked, on the page of its whole document.
    """
    if passage.chunk_count > 1 and passage.start is not None:
        first, last = (passage.start + offset for offset in span or (0, len(passage.text)))
        return f"/documents/{passage.document_id}/?at={first}-{last}#mark"
    mark = f"?mark={span[0]}-{span[1]}" if span else ""
    return f"/documents/{passage.document_id}/passages/{passage.chunk_id}/{mark}"
