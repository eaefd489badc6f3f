"""What a new version of a document takes over from the one before it."""

from django.db import connection, transaction

from rag.actions.processing import lock_document, share_active_model
from rag.models import Document

# Equal to the letter in all that the embedder is given: title, headings, context, words (passage_to_embed).
_REUSE = """
INSERT INTO rag_embedding (chunk_id, model_id, collection_id, vector)
SELECT DISTINCT ON (new.id) new.id, made.model_id, document.collection_id, made.vector
FROM rag_document document
JOIN rag_chunk new ON new.document_id = document.id
JOIN rag_document earlier ON earlier.collection_id = document.collection_id AND earlier.source = document.source
    AND earlier.title = document.title AND earlier.id <> document.id
JOIN rag_chunk old ON old.document_id = earlier.id AND old.heading = new.heading AND old.text = new.text
    AND old.context = new.context
JOIN rag_embedding made ON made.chunk_id = old.id AND made.model_id = %(model)s
WHERE document.id = %(document)s AND document.source <> ''
    AND NOT EXISTS (SELECT FROM rag_embedding e WHERE e.chunk_id = new.id AND e.model_id = %(model)s)
ON CONFLICT DO NOTHING
"""

_REUSE_CONTEXTS = """
UPDATE rag_chunk new SET context = old.context
FROM rag_document document
JOIN rag_document earlier ON earlier.collection_id = document.collection_id AND earlier.source = document.source
    AND earlier.title = document.title AND earlier.id <> document.id
JOIN rag_chunk old ON old.document_id = earlier.id
WHERE document.id = %(document)s AND document.source <> '' AND new.document_id = document.id AND new.context = ''
    AND old.context <> '' AND old.heading = new.heading AND old.text = new.text
RETURNING new.ordinal
"""


def reuse_vectors(document_id: int, model_id: int) -> int:
    """Copy vectors and contexts of passages that another version of the document has word for word. Returns the number
    of vectors.

    Versions are documents of the same collection and source. May be repeated; a document that is not EMBEDDING is
    left alone.

    Raises:
        ModelReplaced: the model is not active any more.
    """
    with transaction.atomic(durable=True):
        share_active_model(model_id)
        document = lock_document(document_id)
        if document is None or document.status != Document.Status.EMBEDDING:
            return 0
        with connection.cursor() as cursor:
            cursor.execute(_REUSE_CONTEXTS, {"document": document_id})
            for (ordinal,) in sorted(cursor.fetchall()):
                cursor.execute("SELECT rag_reindex_chunks(%s, %s, 1)", [document_id, ordinal])
            cursor.execute(_REUSE, {"document": document_id, "model": model_id})
            copied = cursor.rowcount
        document.embedded_count += copied
        document.save(update_fields=["embedded_count"])
    return copied
