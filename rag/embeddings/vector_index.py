"""The index over the vectors of one embedding model."""

from django.db import connection

from rag.embeddings.models import Embedding, EmbeddingModel

HNSW_MAX_DIMENSIONS = 4000  # of halfvec; larger vectors are scanned
# A build whose graph does not fit into memory goes on many times slower.
_GRAPH_BYTES = 500  # of a vector's neighbours (m = 16), without its components
_BUILD_MEMORY_MB = 1024  # at the most, where the server's own setting is not higher
_GRANT_MEMORY = """SELECT set_config('maintenance_work_mem',
    greatest(%s, pg_size_bytes(current_setting('maintenance_work_mem')) / 1024 / 1024) || 'MB', false)"""


def make_index(model: EmbeddingModel) -> bool:
    """Have a valid HNSW index over the model's vectors; built beside the writers of a filled table.

    False where another worker is building it.
    """
    if model.dimensions > HNSW_MAX_DIMENSIONS:
        return True
    name, found = _name(model), _validity(model)
    if found:
        return True
    with connection.cursor() as cursor:
        # Not a lock to wait for: waiting would be a transaction that the concurrent build waits for in turn.
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [name])
        if cursor.fetchone() != (True,):
            return False
        try:
            if found is not None:  # what an interrupted build left is never used
                cursor.execute(f"DROP INDEX {name}")
            cursor.execute(_GRANT_MEMORY, [_memory_mb(model)])
            cursor.execute(
                f"CREATE INDEX {_concurrently()} IF NOT EXISTS {name} ON rag_embedding USING hnsw"
                f" ((vector::halfvec({model.dimensions})) halfvec_cosine_ops) WHERE model_id = {model.pk}"
            )
            cursor.execute("RESET maintenance_work_mem")
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [name])
    return True


def lacks_index(model: EmbeddingModel) -> bool:
    """Whether the model is to have an index and has no valid one."""
    return model.dimensions <= HNSW_MAX_DIMENSIONS and not _validity(model)


def _validity(model: EmbeddingModel) -> bool | None:
    """Whether the model's index is valid; None where there is none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [_name(model)])
        found = cursor.fetchone()
    return found[0] if found else None


def drop_index(model: EmbeddingModel) -> None:
    """Remove the model's index, if there is one; searches and writers go on meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {_concurrently()} IF EXISTS {_name(model)}")


def _memory_mb(model: EmbeddingModel) -> int:
    """Enough for the graph of all vectors there are, of whichever model, within the bound."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT greatest(reltuples, 0) FROM pg_class WHERE oid = 'rag_embedding'::regclass")
        [rows] = cursor.fetchone()
    return min(int(rows * (2 * model.dimensions + _GRAPH_BYTES)) >> 20, _BUILD_MEMORY_MB)


def _name(model: EmbeddingModel) -> str:
    return f"rag_embedding_hnsw_{model.pk}"


def _concurrently() -> str:
    """Beside others that read and write, where that is possible and there is something to read."""
    return "CONCURRENTLY" if not connection.in_atomic_block and Embedding.objects.exists() else ""
