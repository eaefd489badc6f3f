"""Contexts of chunks: a language model wrote them to situate the chunks; they are found, and shown to nobody."""

from typing import TYPE_CHECKING

from django.db import connection, transaction

from rag.actions.processing import enqueue_contexts, lock_document, share_active_model
from rag.models import Chunk, Document, Embedding

if TYPE_CHECKING:
    from numpy.typing import NDArray


def queue_contexts(document_id: int, *, first: int = 0) -> bool:
    """Have contexts written for chunks of a READY document, from ordinal `first` on, that have none.

    Returns False where it is not ready, or gone.
    """
    with transaction.atomic(durable=True):
        document = lock_document(document_id)
        if document is None or document.status != Document.Status.READY:
            return False
        enqueue_contexts(document_id, first=first)
    return True


def store_context(chunk: Chunk, context: str, *, model_id: int, vector: "NDArray") -> bool:
    """A chunk's context, its vector of the active model and its words become those with the context, together.

    Returns False, with nothing changed, where the document is gone or processed anew.

    Raises:
        ModelReplaced: the model is not active any more.
    """
    with transaction.atomic(durable=True):
        share_active_model(model_id)
        document = lock_document(chunk.document_id)
        if document is None or document.status != Document.Status.READY:
            return False
        if not Chunk.objects.filter(pk=chunk.pk).update(context=context):
            return False
        Embedding.objects.filter(chunk=chunk, model_id=model_id).update(vector=vector)
        with connection.cursor() as cursor:
            cursor.execute("SELECT rag_reindex_chunks(%s, %s, 1)", [document.pk, chunk.ordinal])
    return True
