"""How far a document is, as a page's script is told; and what can be done about one that failed."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from rag.models import Document
from rag.parsing.errors import ParsingProblem
from rag.parsing.media_types import ACCEPTED_ENDINGS
from rag.selectors import collections_writable_by

if TYPE_CHECKING:
    from chat.models import User

ACCEPTED = ",".join(ACCEPTED_ENDINGS)
# The file itself is at fault, so that reading it again ends in the same way.
_FAULTS_OF_THE_FILE = frozenset(ParsingProblem) - {ParsingProblem.TIMEOUT, ParsingProblem.NEEDS_OCR}


def is_worth_a_retry(document: Document) -> bool:
    """Whether processing the failed document again can help."""
    return document.status == Document.Status.FAILED and document.error_code not in _FAULTS_OF_THE_FILE


def document_states(user: "User", documents: Iterable[Document]) -> list[dict[str, Any]]:
    """The states of the documents, in their order; one query for what the user may do with them."""
    writable = set(collections_writable_by(user).values_list("pk", flat=True))
    return [
        _state(document, document.uploaded_by_id == user.pk or document.collection_id in writable)
        for document in documents
    ]


def _state(document: Document, may_change: bool) -> dict[str, Any]:
    has_failed = document.status == Document.Status.FAILED
    return {
        "id": str(document.pk),
        "title": document.title,
        "filename": document.filename,
        "url": reverse("document", args=[document.pk]),
        "status": document.status,
        "statusText": document.get_status_display(),
        "error": document.error_message,
        "mayRetry": may_change and is_worth_a_retry(document),
        "mayDelete": may_change and has_failed,
        "chunkCount": document.chunk_count,
        "embeddedCount": document.embedded_count,
    }
