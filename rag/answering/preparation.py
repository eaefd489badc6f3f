"""What the first question of a worker should not have to wait for."""

import logging

from django.conf import settings
from django.db import OperationalError, connection

from rag.embeddings import Embedder, EmbeddingError, configured_embedder
from rag.embeddings.active_model import active_model

logger = logging.getLogger(__name__)


def prepare() -> None:
    """Load the embedder and, where a language model is configured, the API's client. Blocks for a second or two."""
    try:
        _embedder().embed_query("ready")
    except EmbeddingError as error:
        logger.warning("The embedder is not ready; until it is, words alone decide what is found: %s", error)
    finally:
        connection.close()  # of this thread, which has no other use for it
    if settings.ANTHROPIC_API_KEY or settings.ANTHROPIC_BASE_URL:
        import rag.llm.anthropic  # noqa: F401  the import alone takes a second


def _embedder() -> Embedder:
    """The one that questions are embedded with; the configured one where there is none yet, or no database."""
    try:
        model = active_model()
    except OperationalError:
        model = None  # jobs wait for it anyway, and say so
    return model.embedder if model else configured_embedder()
