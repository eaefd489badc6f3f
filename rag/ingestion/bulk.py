"""A large corpus with ready vectors: in batches that are whole or not there, its two large indexes built afterwards.

Adding to the indexes row by row costs several times what the rest does. So they are dropped first and built at the
end, also when the load fails. Searches meanwhile are right and slow. Where the process is killed, the
workers' upkeep builds them (`mend_indexes`), and a load that is begun again passes over what is there.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import connection

from chat.errors import Conflict
from rag.actions.bulk import MAX_CHUNKS, ReadyDocument, add_ready_documents
from rag.embeddings import vector_index
from rag.models import EmbeddingModel
from rag.retrieval import term_index

if TYPE_CHECKING:
    from chat.models import User

BATCH_CHUNKS = 20_000
_LOCK = "rag.ingestion.bulk"


def load_documents(
    user: "User", *, collection_id: object, model: EmbeddingModel, documents: Iterable[ReadyDocument]
) -> int:
    """Add the documents with vectors of the active model, batch by batch. Gives how many are new.

    Raises:
        as `rag.actions.bulk.add_ready_documents` does, of the first batch that cannot be taken; those before it stay.
    """
    return sum(
        add_ready_documents(user, collection_id=collection_id, model_id=model.pk, documents=batch)
        for batch in _batches(documents)
    )


def _batches(documents: Iterable[ReadyDocument]) -> Iterator[list[ReadyDocument]]:
    """Of BATCH_CHUNKS and what is left of the last document; of one document where that is larger."""
    batch: list[ReadyDocument] = []
    count = 0
    for document in documents:
        if batch and count + len(document.chunks) > MAX_CHUNKS:
            yield batch
            batch, count = [], 0
        batch.append(document)
        count += len(document.chunks)
        if count >= BATCH_CHUNKS:
            yield batch
            batch, count = [], 0
    if batch:
        yield batch


@contextmanager
def indexes_afterwards(model: EmbeddingModel) -> Iterator[None]:
    """Without the index over terms and the model's index over vectors inside, and with both after it.

    Raises:
        Conflict: another process is in here.
    """
    with connection.cursor() as cursor:
        if not _lock(cursor):
            raise Conflict("Another load is under way. Try again when it has ended.")
        try:
            term_index.drop_index()
            vector_index.drop_index(model)
            try:
                yield
            finally:
                term_index.make_index()
                vector_index.make_index(model)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [_LOCK])


def mend_indexes() -> bool:
    """Build what a killed load left without; False, and nothing done, while one is under way."""
    with connection.cursor() as cursor:
        if not _lock(cursor):
            return False
        try:
            term_index.make_index()
            for model in EmbeddingModel.objects.filter(active=True):
                if vector_index.lacks_index(model):
                    vector_index.make_index(model)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [_LOCK])
    return True


def _lock(cursor: Any) -> bool:
    """Whether the lock was free. None to wait for: waiting is a transaction, for which a concurrent build waits."""
    cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [_LOCK])
    return bool(cursor.fetchone()[0])
