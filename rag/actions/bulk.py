"""Documents that come with their vectors: a corpus that was embedded elsewhere, or that is moved."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from chat.errors import BadInput, Conflict
from chat.text import clean_line
from rag.actions.processing import share_active_model
from rag.embeddings.copying import copy_vectors
from rag.ingestion.chunking import ChunkSpan
from rag.models import LEXICAL_VERSION, Collection, Document, DocumentText, EmbeddingModel
from rag.quotas import require_room
from rag.selectors import access_collection
from rag.text.document_language import detect_language

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from chat.models import User

MAX_CHUNKS = 50_000  # in one transaction: their words and vectors are in memory meanwhile
_COPY_CHUNKS = (
    """COPY rag_chunk (id, document_id, ordinal, text, start, "end", page, page_end, heading) FROM STDIN"""
)


@dataclass(frozen=True, slots=True)
class ReadyDocument:
    """A text, its chunks in order, and their vectors (len(chunks), dimensions of the active model)."""

    source: str
    title: str
    text: str
    chunks: Sequence[ChunkSpan]
    vectors: "NDArray"


def add_ready_documents(
    user: "User", *, collection_id: object, model_id: int, documents: Sequence[ReadyDocument]
) -> int:
    """The documents in the collection, READY: all of them or, if it fails or is killed, none. Gives how many are new.

    The same text and title from the same source is the document that is there already, so a load that was interrupted
    is begun again from its start. One process of the program does this at a time, others wait.

    Raises:
        NotFound, Forbidden: the collection. QuotaExceeded. ModelReplaced: the model is not active.
        BadInput: a document without text, with chunks or vectors that do not fit it, or too many chunks at once.
    """
    collection = access_collection(user, collection_id, write=True)
    model = EmbeddingModel.objects.get(pk=model_id)
    _check(documents, model.dimensions)
    try:
        with transaction.atomic(durable=True):
            share_active_model(model_id)
            new = _store_documents(user, collection, documents)
            if new:
                _store_chunks(new, collection.pk, model_id)
                with connection.cursor() as cursor:
                    cursor.execute("SELECT rag_index_documents(%s)", [[row.pk for row, _ in new]])
    except IntegrityError:
        # The collection was deleted under it, or one of the documents was added.
        raise Conflict("The collection was changed at the same time. Try again.") from None
    return len(new)


def _check(documents: Sequence[ReadyDocument], dimensions: int) -> None:
    if sum(len(document.chunks) for document in documents) > MAX_CHUNKS:
        raise BadInput(f"More than {MAX_CHUNKS} passages at once.", fields={"documents": "are too many"})
    for document in documents:
        spans, vectors = document.chunks, document.vectors
        if [span.ordinal for span in spans] != list(range(len(spans))) or not spans:
            raise BadInput("A document's passages are counted from 0.", fields={"chunks": document.source})
        if any(not 0 <= span.start < span.end <= len(document.text) for span in spans):
            raise BadInput("A passage lies outside of its text.", fields={"chunks": document.source})
        if "\0" in document.text:
            raise BadInput("A text has a NUL character.", fields={"text": document.source})
        if vectors.shape != (len(spans), dimensions) or not np.isfinite(vectors.astype(np.float16)).all():
            raise BadInput(
                f"Each passage has a vector of {dimensions} numbers.", fields={"vectors": document.source}
            )


def _store_documents(
    user: "User", collection: Collection, documents: Sequence[ReadyDocument]
) -> list[tuple[Document, ReadyDocument]]:
    """Step: rows and texts of those that are not there yet."""
    rows: dict[tuple[str, str], tuple[Document, ReadyDocument]] = {}
    for document in documents:
        row = _row(user, collection, document)
        rows.setdefault((row.source, row.sha256), (row, document))
    known = set(
        Document.objects.filter(collection=collection, source__in=[source for source, _ in rows]).values_list(
            "source", "sha256"
        )
    )
    new = [pair for key, pair in rows.items() if key not in known]
    if new:
        size = sum(row.size_bytes for row, _ in new)
        require_room(user_id=user.pk, collection_id=collection.pk, size_bytes=size)
        Document.objects.bulk_create([row for row, _ in new])
        DocumentText.objects.bulk_create(DocumentText(document=row, text=ready.text) for row, ready in new)
    return new


def _row(user: "User", collection: Collection, document: ReadyDocument) -> Document:
    content = f"{document.title}\n{document.text}".encode("utf-8", "replace")
    now, count = timezone.now(), len(document.chunks)
    return Document(
        collection=collection,
        source=clean_line(document.source)[:500],
        sha256=hashlib.sha256(content).hexdigest(),
        title=clean_line(document.title)[:300],
        media_type="text/plain",
        size_bytes=len(content),
        uploaded_by=user,
        status=Document.Status.READY,
        chunk_count=count,
        embedded_count=count,
        language=detect_language(document.text),
        lexical_version=LEXICAL_VERSION,
        searchable_at=now,
        ready_at=now,
    )


def _store_chunks(new: Sequence[tuple[Document, ReadyDocument]], collection_id: int, model_id: int) -> None:
    """Step: chunks and their vectors."""
    count = sum(len(ready.chunks) for _, ready in new)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('rag_chunk', 'id')) FROM generate_series(1, %s)", [count]
        )
        ids = [pk for (pk,) in cursor.fetchall()]
        with cursor.copy(_COPY_CHUNKS) as copy:
            numbers = iter(ids)
            for row, ready in new:
                for span in ready.chunks:
                    text = ready.text[span.start : span.end]
                    place = (span.start, span.end, span.page, span.page_end, span.heading[:500])
                    copy.write_row((next(numbers), row.pk, span.ordinal, text, *place))
    vectors = np.concatenate([ready.vectors for _, ready in new])
    copy_vectors(model_id, ids, [collection_id] * count, vectors)
