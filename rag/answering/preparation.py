"""What the first question of a worker should not have to wait for."""

import logging

from django.conf import settings

from rag.embeddings import EmbeddingError, configured_embedder

logger = logging.getLogger(__name__)


def prepare() -> None:
    """Load the embedder and, where a language model is configured, the API's client. Blocks for a second or two."""
    try:
        configured_embedder().embed_query("ready")
    except EmbeddingError as error:
        logger.warning("The embedder is not ready; until it is, words alone decide what is found: %s", error)
    if settings.ANTHROPIC_API_KEY or settings.ANTHROPIC_BASE_URL:
        import rag.llm.anthropic  # noqa: F401  the import alone takes a second
