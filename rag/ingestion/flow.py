"""From an uploaded file to passages that search finds: the flow of the two jobs of a document.

    QUEUED -> PARSING -> EMBEDDING (found by its words) -> READY (by its meaning, too), or FAILED with a reason

Nothing here runs in a transaction: parsing and embedding take long, and the writes between them are actions. Both
functions block and may be repeated; call them in a thread of a worker.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from chat.files import local_copy
from rag.actions import embedding_models, processing, versions
from rag.actions.problems import note_problem
from rag.crawling import FetchError
from rag.embeddings import Embedder, EmbeddingError, configured_embedder
from rag.embeddings.active_model import ActiveModel, active_model, model_of
from rag.embeddings.configuration import configured_source
from rag.ingestion.archives import take_in_archive
from rag.ingestion.chunking import chunk_document
from rag.ingestion.web_pages import fetch_first
from rag.models import Chunk, Document
from rag.parsing import ParsedDocument, ParsingError, parse_isolated
from rag.parsing.media_types import ZIP
from rag.quotas import QuotaExceeded
from rag.selectors import chunks_without_vector

logger = logging.getLogger(__name__)

EMBED_SLICE_S = 20.0  # then other documents get their turn
NO_FILE = "The stored file is missing. Upload it again."
NO_VECTORS = "The embedding model could not be used. The administrator finds the reason in the worker's log."
NO_WORDS = "The file holds no text that could be searched."


def _never() -> bool:
    return False


def ingest_document(document_id: int) -> None:
    """Read a queued document and index its words; the job of its vectors follows. Or FAILED, with a reason."""
    document = processing.begin_parsing(document_id)
    if document is None:
        return
    try:
        fetched = document if document.file else fetch_first(document)
        if fetched is None:
            return
        document = fetched
        with local_copy(document.file.name or "") as path:
            parsed = _read(document, path)
    except (ParsingError, FetchError) as error:
        processing.fail_document(document_id, code=error.code, message=error.message)
        note_problem("tool", error.code, error.message, place=document.media_type)
    except QuotaExceeded as error:
        processing.fail_document(document_id, code=error.document_code, message=error.message)
    except FileNotFoundError:
        processing.fail_document(document_id, code="NO_FILE", message=NO_FILE)
    else:
        if parsed is not None:
            store_parsed(document, parsed)


def _read(document: Document, path: Path) -> ParsedDocument | None:
    """What a document's file says; None if it was an archive whose document somebody else has taken over."""
    if document.media_type == ZIP:
        return take_in_archive(document, path)
    return parse_isolated(path, document.media_type, ocr_languages=settings.OCR_LANGUAGES)


def store_parsed(document: Document, parsed: ParsedDocument) -> None:
    """Cut what was read of a PARSING document into chunks and index them."""
    text, chunks = chunk_document(parsed)
    if not chunks:
        processing.fail_document(document.pk, code="NO_TEXT", message=NO_WORDS)
        return
    processing.store_text(
        document.pk,
        text,
        chunks,
        title=parsed.title,
        page_count=parsed.page_count,
        warning=" ".join(parsed.warnings),
    )


def embed_document(
    document_id: int,
    *,
    embedder: Embedder | None = None,
    should_stop: Callable[[], bool] = _never,
    slice_s: float = EMBED_SLICE_S,
) -> bool:
    """Make the vectors of the active model that a document's chunks lack. True when there is nothing left to do for it.

    Stops after `slice_s` seconds or when told to, and then enqueues the rest: a long document keeps neither
    others nor the end of the worker waiting.

    Raises:
        EmbeddingError: retryable ones. Others end the document as FAILED.
    """
    deadline = time.monotonic() + slice_s
    try:
        model = _model_in_use(embedder)
        processing.count_vectors(document_id, model.id)
        versions.reuse_vectors(document_id, model.id)
        while batch := list(chunks_without_vector(document_id, model.id)[: model.embedder.batch_texts]):
            if should_stop() or time.monotonic() > deadline:
                processing.continue_embedding(document_id)
                return False
            vectors = model.embedder.embed_passages([passage_to_embed(chunk) for chunk in batch])
            if not processing.store_vectors(document_id, model.id, [chunk.pk for chunk in batch], vectors):
                return True
        processing.finish_embedding(document_id, model.id)
    except processing.ModelReplaced:
        processing.continue_embedding(document_id)
        return False
    except EmbeddingError as error:
        if error.retryable:
            raise
        fail_embedding(document_id, error)
        return True
    except embedding_models.DimensionsChanged as error:
        fail_embedding(document_id, error)
    return True


def _model_in_use(embedder: Embedder | None) -> ActiveModel:
    """The active model; where there is none yet, the configured embedder's, active from now on.

    With an `embedder`, the model of that one.
    """
    model = model_of(embedder) if embedder else active_model()
    if model is not None:
        return model
    source = None if embedder else configured_source()
    embedder = embedder or configured_embedder()
    row = embedding_models.use_embedding_model(embedder.name, embedder.dimensions, source=source)
    return ActiveModel(row.pk, row.dimensions, embedder)


def fail_embedding(document_id: int, error: Exception) -> None:
    """End a document whose vectors cannot be made. Why is for the log: a server's words may hold what is secret."""
    logger.error("Document %d could not be embedded: %s", document_id, error)
    processing.fail_document(document_id, code="EMBEDDING_FAILED", message=NO_VECTORS)
    note_problem("tool", "EMBEDDING_FAILED", str(error), place="the embedder")


def passage_to_embed(chunk: Chunk) -> str:
    """What stands for a chunk before the embedder: title of the document, path of headings, context, then its words."""
    place = [part for part in (chunk.document.title, chunk.heading, chunk.context) if part]
    return "\n".join([*place, chunk.text])
