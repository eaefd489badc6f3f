"""A passage: a piece of a document as search found it and as an answer may cite it. Pure."""

import re
from dataclasses import dataclass

_CITED = re.compile(r"(\d{1,18})-(\d{1,6})")


@dataclass(frozen=True, slots=True)
class Part:
    """A chunk of a passage; its words begin at `offset` of the passage's text."""

    offset: int
    chunk_id: int
    page: int | None


@dataclass(frozen=True, slots=True)
class Passage:
    """One chunk, or `chunk_count` that follow each other, with the scores that search gave it.

    `chunk_id` is the (first) chunk's; `parts` are all of several. `text` is the chunk exactly as stored;
    offsets of a quote count its characters. `page` and `page_end` are 1-based and None for formats without
    pages; `heading` is the path joined by " › ", or "". `score` is the fused score that orders passages;
    `cosine` is None while the chunk has no vector of the current embedder; `bm25` is 0 without a common word.
    `ordinal` is the chunk's place in its document and `start` that of its text in the document's, both from 0;
    None where nobody asked for them.
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
    parts: tuple[Part, ...] = ()

    def part_at(self, offset: int) -> Part:
        """The last chunk that begins at or before that character of the text: a place on its page, or close to it."""
        whole = Part(0, self.chunk_id, self.page)
        return next((part for part in reversed(self.parts) if part.offset <= offset), whole)


def passage_url(
    passage: Passage, span: tuple[int, int] | None = None, *, cited: tuple[int, int] | None = None
) -> str:
    """The page that shows the passage in its document; `span` (offsets in its text) is marked there.

    `cited`: the message and number of the citation that leads there; the page shows that when the passage is gone.
    """
    chunks = f"chunks={passage.chunk_count}" if passage.chunk_count > 1 else ""
    mark = f"mark={span[0]}-{span[1]}" if span else ""
    source = f"cited={cited[0]}-{cited[1]}" if cited else ""
    query = "&".join(part for part in (chunks, mark, source) if part)
    return f"/documents/{passage.document_id}/passages/{passage.chunk_id}/{'?' if query else ''}{query}"


def parse_cited(value: str) -> tuple[int, int] | None:
    """The message and number of a citation that `passage_url` was given; None for anything else."""
    match = _CITED.fullmatch(value)
    return (int(match[1]), int(match[2])) if match else None
