"""Indexing the words of documents again where the rules have changed since (`rag.models.LEXICAL_VERSION`)."""

from django.db import connection, transaction

from rag.actions.documents import EMBED_PRIORITY
from rag.actions.processing import CHUNKS_PER_TRANSACTION, lock_document
from rag.jobs.enqueueing import DOCUMENTS, enqueue
from rag.models import LEXICAL_VERSION, Document, DocumentText
from rag.selectors import documents_indexed_before
from rag.text.document_language import detect_language

REINDEX_PRIORITY = EMBED_PRIORITY - 20  # behind all else: what it improves is found already
_INDEXED = (Document.Status.EMBEDDING, Document.Status.READY)
_HAS_JOB = """
SELECT EXISTS (SELECT FROM procrastinate_jobs
               WHERE task_name = 'rag.index_words_again' AND status IN ('todo', 'doing'))
"""
# Version 1 took every document as English, and what stands between two spaces as a word, Chinese too.
_IS_THE_SAME = """
SELECT rag_stemmed_as(%(language)s) = 'en' AND rag_pairs(%(text)s) = %(text)s AND NOT EXISTS (
    SELECT FROM rag_chunk c WHERE c.document_id = %(document)s AND rag_pairs(c.heading) <> c.heading)
"""


def index_words_again() -> bool:
    """Enqueue the job `rag.index_words_again` if there is work for it; False if not, or if it is at work."""
    with transaction.atomic(durable=True):
        if not documents_indexed_before(LEXICAL_VERSION).exists():
            return False
        with connection.cursor() as cursor:
            cursor.execute(_HAS_JOB)
            if cursor.fetchone() == (True,):
                return False
        _enqueue(document_id=0, first=0)
    return True


def continue_indexing_again(*, document_id: int, first: int) -> None:
    """Enqueue the rest: chunks of that document from `first` on, and documents above it."""
    with transaction.atomic(durable=True):
        _enqueue(document_id=document_id, first=first)


def reindex_chunks(document_id: int, *, first: int) -> int:
    """Index up to CHUNKS_PER_TRANSACTION chunks again, from chunk `first` on; they are found all the time.

    With the first of them the language is told anew. Returns the next one to go on with; 0 if the document is done,
    gone, or not indexed.
    """
    with transaction.atomic(durable=True):
        document = lock_document(document_id)
        if document is None or document.status not in _INDEXED or document.lexical_version >= LEXICAL_VERSION:
            return 0
        is_done = first == 0 and _is_the_same(document)
        if not is_done:
            document.save(update_fields=["language"])
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT rag_reindex_chunks(%s, %s, %s)", [document_id, first, CHUNKS_PER_TRANSACTION]
                )
            first += CHUNKS_PER_TRANSACTION
            is_done = first >= document.chunk_count
        if is_done:
            document.lexical_version = LEXICAL_VERSION
            document.save(update_fields=["language", "lexical_version"])
    return 0 if is_done else first


def _is_the_same(document: Document) -> bool:
    """Whether the new rules change nothing for the document, whose language is told by the way."""
    text = DocumentText.objects.filter(document=document).values_list("text", flat=True).first() or ""
    document.language = detect_language(text)
    parameters: dict[str, str | int] = {
        "document": document.pk,
        "language": document.language,
        "text": f"{document.title}\n{text}",
    }
    with connection.cursor() as cursor:
        cursor.execute(_IS_THE_SAME, parameters)
        return bool(cursor.fetchone() == (True,))


def _enqueue(*, document_id: int, first: int) -> None:
    enqueue(
        "rag.index_words_again",
        queue=DOCUMENTS,
        priority=REINDEX_PRIORITY,
        document_id=document_id,
        first=first,
    )
