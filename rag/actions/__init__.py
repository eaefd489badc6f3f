"""Every write of rag. One function, one durable transaction (docs/architecture.md)."""

from rag.actions.answers import ask, regenerate_answer, stop_answer, stop_message
from rag.actions.collections import create_collection, room_files, share_collection
from rag.actions.documents import delete_document, delete_other_versions, retry_document, upload_document
from rag.actions.embedding_models import use_embedding_model
from rag.actions.ratings import rate_answer
from rag.actions.web_pages import add_url, check_now

__all__ = [
    "add_url",
    "ask",
    "check_now",
    "create_collection",
    "delete_document",
    "delete_other_versions",
    "rate_answer",
    "regenerate_answer",
    "retry_document",
    "room_files",
    "share_collection",
    "stop_answer",
    "stop_message",
    "upload_document",
    "use_embedding_model",
]
