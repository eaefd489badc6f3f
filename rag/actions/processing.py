"""What becomes of a document, step by step: each step one transaction that may be repeated without harm.

A job may be killed at any point and begun again by another worker, or run twice for a moment when a worker was
only thought dead. So each step locks the document's row, looks how far it is, and does nothing that is done.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from rag.actions.documents import EMBED_PRIORITY, remove_older_versions, title_from
from rag.ingestion.chunking import ChunkSpan
from rag.jobs.enqueueing import DOCUMENTS, enqueue
from rag.models import LEXICAL_VERSION, Chunk, Document, DocumentText, Embedding
from rag.selectors import chunks_without_vector
from rag.text.document_language import detect_language

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNKS_PER_TRANSACTION = 1000  # rows of common words are locked until the commit: other documents wait
CONTEXT_PRIORITY = EMBED_PRIORITY - 30  # behind all that makes documents searchable
_UNFINISHED = (Document.Status.QUEUED, Document.Status.PARSING, Document.Status.EMBEDDING)


def lock_document(document_id: int) -> Document | None:
    """Step: the document under its row lock; None if it is gone."""
    return Document.objects.select_for_update().filter(pk=document_id).first()


def begin_parsing(document_id: int) -> Document | None:
    """The document, now PARSING and without the chunks of an earlier attempt; None if there is nothing to parse."""
    with transaction.atomic(durable=True):
        document = lock_document(document_id)
        if document is None or document.status not in (Document.Status.QUEUED, Document.Status.PARSING):
            return None
        with connection.cursor() as cursor:
            cursor.execute("SELECT rag_drop_chunks(%s)", [document_id])
        document.status = Document.Status.PARSING
        document.chunk_count = document.embedded_count = 0
        document.save(update_fields=["status", "chunk_count", "embedded_count"])
    return document


def store_text(
    document_id: int,
    text: str,
    chunks: Sequence[ChunkSpan],
    *,
    title: str,
    page_count: int | None,
    warning: str = "",
) -> bool:
    """Store what was read of a document. With the last chunk its words are found, and its vectors a job.

    `warning` says what of the file was not read.

    Returns False, and stops, where another worker has taken the document over, or somebody deleted it.
    """
    for first in range(0, len(chunks), CHUNKS_PER_TRANSACTION):
        with transaction.atomic(durable=True):
            document = lock_document(document_id)
            if (
                document is None
                or document.status != Document.Status.PARSING
                or document.chunk_count != first
            ):
                return False
            if first == 0:
                _take_title(document, title)
                document.page_count = page_count
                document.warning = warning[:1000]
            index_text(document, text, chunks, first=first)
    return True


def index_text(document: Document, text: str, chunks: Sequence[ChunkSpan], *, first: int = 0) -> None:
    """Step: index up to CHUNKS_PER_TRANSACTION chunks of a locked document, beginning with chunk `first`."""
    batch = chunks[first : first + CHUNKS_PER_TRANSACTION]
    if first == 0:
        DocumentText.objects.update_or_create(document=document, defaults={"text": text})
        document.language = detect_language(text)
        document.lexical_version = LEXICAL_VERSION
    document.chunk_count = first + len(batch)
    if document.chunk_count == len(chunks):
        document.status = Document.Status.EMBEDDING
        document.searchable_at = timezone.now()
        enqueue_embedding(document.pk)
    document.save(
        update_fields=[
            "title",
            "page_count",
            "warning",
            "language",
            "lexical_version",
            "chunk_count",
            "status",
            "searchable_at",
        ]
    )
    _store_chunks(document, text, batch)


def _take_title(document: Document, title: str) -> None:
    """The document's own title, where nobody has given another one."""
    if title.strip() and document.title == title_from(document.filename):
        document.title = title.strip()[:300]


def _store_chunks(document: Document, text: str, batch: Sequence[ChunkSpan]) -> None:
    Chunk.objects.bulk_create(
        Chunk(
            document=document,
            ordinal=span.ordinal,
            text=text[span.start : span.end],
            start=span.start,
            end=span.end,
            page=span.page,
            page_end=span.page_end,
            heading=span.heading[:500],
        )
        for span in batch
    )
    with connection.cursor() as cursor:
        # Last, and quickly followed by the commit: it locks the rows of every word.
        cursor.execute("SELECT rag_index_chunks(%s, %s, %s)", [document.pk, batch[0].ordinal, len(batch)])


class ModelReplaced(Exception):
    """The embedding model in question does not answer any more: its vectors are of no use."""


def share_active_model(model_id: int) -> None:
    """Step: keep the model active until the transaction ends, beside others that do.

    Raises:
        ModelReplaced: it is not active.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM rag_embeddingmodel WHERE id = %s AND active FOR KEY SHARE", [model_id])
        if cursor.fetchone() is None:
            raise ModelReplaced


def count_vectors(document_id: int, model_id: int) -> None:
    """Have a document's progress count the vectors of this model: another one may have been active before."""
    with transaction.atomic(durable=True):
        document = lock_document(document_id)
        if document is not None and document.status == Document.Status.EMBEDDING:
            document.embedded_count = _vectors_of(document_id, model_id)
            document.save(update_fields=["embedded_count"])


def _vectors_of(document_id: int, model_id: int) -> int:
    return Embedding.objects.filter(chunk__document=document_id, model_id=model_id).count()


def store_vectors(document_id: int, model_id: int, chunk_ids: Sequence[int], vectors: "NDArray") -> bool:
    """Store vectors (len(chunk_ids), dimensions) of chunks; ones that are there stay.

    Returns False where the document is gone or has failed.

    Raises:
        ModelReplaced: see there; nothing was stored.
    """
    with transaction.atomic(durable=True):
        share_active_model(model_id)
        document = lock_document(document_id)
        if document is None or document.status != Document.Status.EMBEDDING:
            return False
        wanted = set(
            chunks_without_vector(document_id, model_id).filter(pk__in=chunk_ids).values_list("pk", flat=True)
        )
        Embedding.objects.bulk_create(
            Embedding(chunk_id=pk, model_id=model_id, collection_id=document.collection_id, vector=vector)
            for pk, vector in zip(chunk_ids, vectors, strict=True)
            if pk in wanted
        )
        document.embedded_count += len(wanted)
        document.save(update_fields=["embedded_count"])
    return True


def finish_embedding(document_id: int, model_id: int) -> bool:
    """READY, if each chunk has its vector; False if there is more to do, or the document is gone or failed.

    Raises:
        ModelReplaced: see there.
    """
    with transaction.atomic(durable=True):
        share_active_model(model_id)
        document = lock_document(document_id)
        if document is None or document.status != Document.Status.EMBEDDING:
            return False
        document.embedded_count = _vectors_of(document_id, model_id)
        if document.embedded_count < document.chunk_count:
            return False
        document.status = Document.Status.READY
        document.ready_at = timezone.now()
        document.save(update_fields=["embedded_count", "status", "ready_at"])
        if document.replaces:
            remove_older_versions(document)
        if settings.CHUNK_CONTEXTS:
            enqueue_contexts(document_id)
    return True


def continue_embedding(document_id: int) -> None:
    """Enqueue the rest of a document's vectors, behind other documents that wait."""
    with transaction.atomic(durable=True):
        document = lock_document(document_id)
        if document is not None and document.status == Document.Status.EMBEDDING:
            enqueue_embedding(document_id)


def enqueue_contexts(document_id: int, *, first: int = 0) -> None:
    """Step: the job that writes contexts for the chunks from that ordinal on, with the surrounding transaction."""
    enqueue(
        "rag.write_contexts",
        queue=DOCUMENTS,
        priority=CONTEXT_PRIORITY,
        document_id=document_id,
        first=first,
    )


def enqueue_embedding(document_id: int) -> None:
    """Step: the job that makes a document's vectors, with the surrounding transaction."""
    enqueue("rag.embed_document", queue=DOCUMENTS, priority=EMBED_PRIORITY, document_id=document_id)


def fail_document(document_id: int, *, code: str, message: str) -> None:
    """FAILED with the reason, and out of the index; a document that is READY, gone or failed stays as it is."""
    with transaction.atomic(durable=True):
        document = lock_document(document_id)
        if document is None or document.status not in _UNFINISHED:
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT rag_drop_chunks(%s)", [document_id])
        document.status = Document.Status.FAILED
        document.error_code, document.error_message = code[:40], message[:500]
        document.chunk_count = document.embedded_count = 0
        document.save(
            update_fields=["status", "error_code", "error_message", "chunk_count", "embedded_count"]
        )
