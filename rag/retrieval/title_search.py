"""Finding documents by title and file name. What is written in them is found by rag.retrieval.search."""

from dataclasses import dataclass

from django.db.models import BooleanField, F, FloatField, QuerySet
from django.db.models.expressions import RawSQL

from rag.models import Document

CANDIDATES = 200
# As they are, and with a/b.c_d-e split: a file is found by its name and by any word of it. As the index has it.
_NAMES = "rag_document.title || ' ' || rag_document.filename"
_WORDS = f"to_tsvector('chat_words', {_NAMES} || ' ' || rag_normalize({_NAMES}))"
_QUESTION = "websearch_to_tsquery('chat_words', %s)"
_MATCHES = f"{_WORDS} @@ {_QUESTION} AND querytree({_QUESTION}) NOT IN ('T', '')"  # as in chat.message_search
# As chat.message_search ranks: all words weigh 1, and the length counts against a text.
_RANK = f"ts_rank('{{1,1,1,1}}', {_WORDS}, {_QUESTION}, 1)"


@dataclass(frozen=True, slots=True)
class FoundDocument:
    """A document whose names match; higher ranks, between 0 and 1, fit better."""

    document: Document
    rank: float


def find_documents(documents: QuerySet[Document], query: str) -> list[FoundDocument]:
    """Of these documents the newest that match, up to CANDIDATES, newest first. The query is a websearch one."""
    matching = documents.filter(RawSQL(_MATCHES, [query, query], output_field=BooleanField()))
    rank = RawSQL(_RANK, [query], output_field=FloatField())
    newest_first = matching.annotate(rank=rank).order_by((F("pk") + 0).desc())  # + 0: by the words' index
    return [FoundDocument(document, document.rank) for document in newest_first[:CANDIDATES]]
