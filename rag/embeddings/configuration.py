"""Which embedder this process uses."""

from __future__ import annotations

from functools import lru_cache

from rag.embeddings.embedder import Embedder
from rag.embeddings.local import LocalEmbedder


def configured_embedder() -> Embedder:
    """Return the embedder that the settings EMBEDDINGS_URL, _API_KEY and _MODEL name, one per process."""
    from django.conf import settings

    return embedder_for(
        url=settings.EMBEDDINGS_URL, api_key=settings.EMBEDDINGS_API_KEY, model=settings.EMBEDDINGS_MODEL
    )


@lru_cache(maxsize=8)
def embedder_for(*, url: str = "", api_key: str = "", model: str = "") -> Embedder:
    """Return the embedder at `url`, the local one without; the same object for the same values."""
    if not url:
        return LocalEmbedder()
    from rag.embeddings.remote import RemoteEmbedder

    return RemoteEmbedder(url=url, api_key=api_key, model=model)
