"""Documents that come as text, without a file: the lines of a corpus."""

import hashlib
from typing import TYPE_CHECKING

from django.db import transaction

from chat.errors import BadInput
from chat.text import clean_line
from rag.actions.processing import CHUNKS_PER_TRANSACTION, index_text
from rag.ingestion.chunking import chunk_document
from rag.models import Document
from rag.parsing import Block, ParsedDocument
from rag.selectors import access_collection

if TYPE_CHECKING:
    from chat.models import User


def add_text(user: "User", *, collection_id: object, source: str, title: str, text: str) -> Document:
    """A document of that text, its words searchable at once; its vectors are made by a job.

    The same text and title from the same source is the document that is there already.

    Raises:
        NotFound, Forbidden: the collection. BadInput: no text, or more than fits in one transaction.
    """
    collection = access_collection(user, collection_id, write=True)
    content = f"{title}\n{text}".encode("utf-8", "replace")
    sha256 = hashlib.sha256(content).hexdigest()
    parsed = ParsedDocument("", tuple(Block(part) for part in text.split("\n\n") if part.strip()))
    clean, chunks = chunk_document(parsed)
    if not chunks:
        raise BadInput("There is no text to add.", fields={"text": "must not be empty"})
    if len(chunks) > CHUNKS_PER_TRANSACTION:
        raise BadInput(
            "The text is too long.", fields={"text": f"has more than {CHUNKS_PER_TRANSACTION} passages"}
        )
    with transaction.atomic(durable=True):
        document, made = Document.objects.get_or_create(
            collection=collection,
            source=clean_line(source)[:500],
            sha256=sha256,
            defaults={
                "title": clean_line(title)[:300],
                "filename": "",
                "media_type": "text/plain",
                "size_bytes": len(content),
                "uploaded_by": user,
                "status": Document.Status.PARSING,
            },
        )
        if made:
            index_text(document, clean, chunks)
    return document
