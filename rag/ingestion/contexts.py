"""Contexts of a document's chunks, written by a language model behind its readiness; see docs/retrieval.md."""

import logging
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from django.conf import settings

from chat.database import run_in_db
from rag.actions import contexts
from rag.actions.answers import model_choices
from rag.actions.processing import ModelReplaced
from rag.answering.claim import ModelChoice
from rag.answering.flow import metered_models
from rag.embeddings import Embedder
from rag.embeddings.active_model import active_model, model_of
from rag.ingestion.context_prompt import context_request, kept_context, window_of
from rag.ingestion.flow import passage_to_embed
from rag.llm.seam import AnswerModel, FinalModelError, TextDelta
from rag.models import Chunk, Document
from rag.money.calls import Account
from rag.selectors import document_text

logger = logging.getLogger(__name__)

SLICE_S = 60.0  # then other documents get their turn


@dataclass(frozen=True, slots=True)
class _Work:
    """What is to be written: chunks of a READY document in their order, and by which models, at whose cost."""

    text: str
    chunks: tuple[Chunk, ...]
    models: tuple[ModelChoice, ...]
    account: Account


Models = Callable[[tuple[ModelChoice, ...], Account], AnswerModel]


def _configured(models: tuple[ModelChoice, ...], account: Account) -> AnswerModel:
    return metered_models(models, account, "context")


def _never() -> bool:
    return False


async def write_contexts(
    document_id: int,
    *,
    first: int = 0,
    models: Models = _configured,
    embedder: Embedder | None = None,
    should_stop: Callable[[], bool] = _never,
    slice_s: float = SLICE_S,
) -> bool:
    """Write contexts for the chunks from ordinal `first` on that have none, up to the document's limit.

    True when there is nothing left to do. After `slice_s` seconds, or when told to stop, the rest is enqueued. A chunk
    that the model declines, or says nothing about, stays without; so do all that are left once the model's answer is
    final, as it is when a budget is spent. The document is READY all the time.

    Raises:
        RetryableModelError, EmbeddingError: what was written is kept; the rest may be tried again.
    """
    work = await run_in_db(_work, document_id, first)
    if work is None or not work.models:
        return True
    model = models(work.models, work.account)
    deadline = time.monotonic() + slice_s
    for chunk in work.chunks:
        if should_stop() or time.monotonic() > deadline:
            await run_in_db(contexts.queue_contexts, document_id, first=chunk.ordinal)
            return False
        try:
            context = await _written(model, work.text, chunk)
        except FinalModelError as error:
            logger.warning("No context for chunk %d of document %d: %s", chunk.ordinal, document_id, error)
            if error.refused:
                continue
            return True
        if context and not await run_in_db(_store, chunk, context, embedder):
            return True
    return True


def _work(document_id: int, first: int) -> _Work | None:
    ready = Document.objects.filter(pk=document_id, status=Document.Status.READY)
    document = ready.select_related("uploaded_by").first()
    if document is None:
        return None
    most = settings.CHUNK_CONTEXTS_PER_DOCUMENT
    chunks = Chunk.objects.filter(document=document, context="", ordinal__gte=first, ordinal__lt=most)
    return _Work(
        text=document_text(document),
        chunks=tuple(chunks.select_related("document").order_by("ordinal")),
        models=model_choices(),
        account=Account(user_id=document.uploaded_by_id),
    )


async def _written(model: AnswerModel, text: str, chunk: Chunk) -> str:
    request = context_request(chunk.document.title, window_of(text, chunk.start), chunk.text)
    pieces: list[str] = []
    async with aclosing(model.stream(request)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                pieces.append(event.text)
    return kept_context("".join(pieces))


def _store(chunk: Chunk, context: str, embedder: Embedder | None) -> bool:
    """Embed the chunk with its context and store both; false if the document is not there any more."""
    model = model_of(embedder) if embedder else active_model()
    if model is None:
        return False
    chunk.context = context
    [vector] = model.embedder.embed_passages([passage_to_embed(chunk)])
    try:
        return contexts.store_context(chunk, context, model_id=model.id, vector=vector)
    except ModelReplaced:
        return True  # its vectors are being made anew; this chunk's context may be written by a later run
