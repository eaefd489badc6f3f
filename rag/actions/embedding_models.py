"""Which embedding model is in use, and the index over its vectors."""

from django.db import connection, transaction

from rag.actions.processing import enqueue_embedding
from rag.models import Chunk, Document, Embedding, EmbeddingModel

HNSW_MAX_DIMENSIONS = 4000  # of halfvec; larger vectors are scanned


class DimensionsChanged(Exception):
    """A model of the same name made vectors of another size before."""


def use_embedding_model(name: str, dimensions: int) -> EmbeddingModel:
    """The model, active and with its vector index. Documents that are READY by another model are embedded again.

    Until that is done they are found by their words. The vectors of the other model stay: going back is quick.

    Raises:
        DimensionsChanged: stored vectors of that name have another size.
    """
    with transaction.atomic(durable=True):
        model, _ = EmbeddingModel.objects.get_or_create(name=name, defaults={"dimensions": dimensions})
        if model.dimensions != dimensions:
            raise DimensionsChanged(
                f"{name} makes vectors of {dimensions} components; the stored ones have {model.dimensions}."
            )
        if not model.active:
            list(EmbeddingModel.objects.select_for_update().order_by("pk"))
            EmbeddingModel.objects.filter(active=True).update(active=False)
            model.active = True
            model.save(update_fields=["active"])
            _embed_again(model)
    _make_index(model)
    return model


def _embed_again(model: EmbeddingModel) -> None:
    seen = Embedding.objects.filter(model=model).values("chunk_id")
    behind = Chunk.objects.exclude(pk__in=seen).values("document_id")
    ready = (
        Document.objects.select_for_update()
        .filter(status=Document.Status.READY, pk__in=behind)
        .order_by("pk")
    )
    for document in ready:
        document.status = Document.Status.EMBEDDING
        document.embedded_count = Embedding.objects.filter(chunk__document=document, model=model).count()
        document.save(update_fields=["status", "embedded_count"])
        enqueue_embedding(document.pk)


def _make_index(model: EmbeddingModel) -> None:
    """The HNSW index over the model's vectors, if it is not there; built beside the writers of a filled table."""
    if model.dimensions > HNSW_MAX_DIMENSIONS:
        return
    name = f"rag_embedding_hnsw_{model.pk}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [name])
        found = cursor.fetchone()
        if found == (True,):
            return
        # Not a lock to wait for: waiting would be a transaction that the concurrent build waits for in turn.
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [name])
        if cursor.fetchone() != (True,):
            return  # another worker is building it
        try:
            concurrently = (
                "CONCURRENTLY" if Embedding.objects.exists() and not connection.in_atomic_block else ""
            )
            if found is not None:  # what an interrupted build left is never used
                cursor.execute(f"DROP INDEX {name}")
            cursor.execute(
                f"CREATE INDEX {concurrently} IF NOT EXISTS {name} ON rag_embedding USING hnsw"
                f" ((vector::halfvec({model.dimensions})) halfvec_cosine_ops) WHERE model_id = {model.pk}"
            )
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [name])
