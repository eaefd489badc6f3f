"""What an answer was written from, read back: each passage whole, though its row names its first chunk only."""

import hashlib

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, QuerySet
from django.db.models.functions import JSONObject

from rag.models import AnswerPassage, Chunk
from rag.retrieval.neighbours import join_texts
from rag.retrieval.passages import Passage


def with_chunks(served: QuerySet[AnswerPassage]) -> QuerySet[AnswerPassage]:
    """The same rows with `parts`, the chunks that each passage is made of; none where its document is gone."""
    first = OuterRef("chunk__ordinal")
    chunks = Chunk.objects.filter(
        document=OuterRef("chunk__document"), ordinal__gte=first, ordinal__lt=first + OuterRef("chunk_count")
    )
    part = JSONObject(start=F("start"), text=F("text"), page_end=F("page_end"))
    return served.annotate(parts=ArraySubquery(chunks.order_by("ordinal").values(json=part)))


def served_text(served: AnswerPassage) -> str:
    """The words of a row of `with_chunks`; "" where its document is gone."""
    parts = served.parts  # type: ignore[attr-defined]  # an annotation
    return join_texts([(part["start"], part["text"]) for part in parts]) if parts else ""


def is_as_served(served: AnswerPassage) -> bool:
    """Whether those are still the words that the model was given."""
    return hashlib.sha256(served_text(served).encode()).hexdigest() == served.text_sha256


def served_passage(served: AnswerPassage) -> Passage:
    """The passage of a row of `with_chunks` whose chunk, with its document, is there."""
    chunk = served.chunk
    assert chunk is not None
    parts = served.parts  # type: ignore[attr-defined]  # an annotation
    return Passage(
        chunk_id=chunk.pk,
        document_id=chunk.document_id,
        document_title=chunk.document.title,
        collection_id=chunk.document.collection_id,
        text=served_text(served),
        page=chunk.page,
        page_end=parts[-1]["page_end"],
        heading=chunk.heading,
        score=served.score,
        cosine=served.cosine,
        bm25=served.bm25 or 0.0,
        ordinal=chunk.ordinal,
        start=chunk.start,
        chunk_count=len(parts),
    )
