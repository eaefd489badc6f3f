"""The vectors of the model that is to answer next, made while another one answers: the flow of job `rag.build_vectors`.

    every chunk in the order of ids -> the index beside readers and writers -> what arrived meanwhile -> the switch

It may be killed anywhere and begun again: what has its vector is passed over, and `rag.follow_embedder` enqueues a job
that was lost. Documents that arrive meanwhile get vectors of the active model by their own jobs, and of this one here.
"""

import logging
import time
from collections.abc import Callable

from django.db.models import Exists, OuterRef, QuerySet

from rag.actions import embedding_models
from rag.embeddings import Embedder, EmbeddingError, configured_embedder, vector_index
from rag.ingestion.flow import passage_to_embed
from rag.models import Chunk, Embedding, EmbeddingModel

logger = logging.getLogger(__name__)

BUILD_SLICE_S = 20.0  # then documents that wait get their turn


def _never() -> bool:
    return False


def build_vectors(
    model_id: int,
    *,
    after: int = 0,
    embedder: Embedder | None = None,
    should_stop: Callable[[], bool] = _never,
    slice_s: float = BUILD_SLICE_S,
) -> bool:
    """Make the vectors that the model lacks, of chunks above the id `after` first. True when nothing is left to do.

    After `slice_s` seconds, or when told to stop, the rest is enqueued.

    Raises:
        EmbeddingError: retryable ones. Others stay with the model (`EmbeddingModel.problem`).
    """
    embedder = embedder or configured_embedder()
    model = EmbeddingModel.objects.filter(pk=model_id, building_since__isnull=False).first()
    if model is None or model.name != embedder.name:  # given up, or the settings changed once more
        return True
    deadline = time.monotonic() + slice_s
    try:
        while batch := list(chunks_behind(model_id).filter(pk__gt=after)[: embedder.batch_texts]):
            if should_stop() or time.monotonic() > deadline:
                embedding_models.continue_building(model_id, after=after)
                return False
            vectors = embedder.embed_passages([passage_to_embed(chunk) for chunk in batch])
            if not embedding_models.store_building_vectors(model_id, [chunk.pk for chunk in batch], vectors):
                return True
            after = batch[-1].pk
    except EmbeddingError as error:
        embedding_models.note_problem(model_id, str(error))
        if error.retryable:
            raise
        logger.error("The vectors of %s cannot be made: %s", model.name, error)
        return True
    embedding_models.note_problem(model_id, "")
    return _finish(model)


def chunks_behind(model_id: int) -> QuerySet[Chunk]:
    """Chunks without a vector of the model, in the order of their ids, with their documents."""
    seen = Exists(Embedding.objects.filter(chunk=OuterRef("pk"), model_id=model_id))
    return Chunk.objects.filter(~seen).select_related("document").order_by("pk")


def _finish(model: EmbeddingModel) -> bool:
    """Index and switch; or, where chunks came below the last one that was looked at, another round."""
    if not vector_index.make_index(model):
        return True  # whoever is building it does the rest; if not, rag.follow_embedder begins again
    if embedding_models.switch_to(model.pk):
        logger.info("%s answers from now on", model.name)
        return True
    embedding_models.continue_building(model.pk, after=0)
    return False
