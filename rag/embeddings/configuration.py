"""Which embedder the settings ask for, and which one belongs to a model that answers until that one is ready."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from rag.embeddings.addresses import server_of, without_credentials
from rag.embeddings.e5 import MODEL as E5_MODEL
from rag.embeddings.e5 import MultilingualEmbedder
from rag.embeddings.embedder import Embedder
from rag.embeddings.local import LocalEmbedder

_LOCAL: dict[str, type[LocalEmbedder] | type[MultilingualEmbedder]] = {
    "": LocalEmbedder,
    E5_MODEL: MultilingualEmbedder,
}


@dataclass(frozen=True, slots=True)
class EmbedderSource:
    """Where a model's vectors are made.

    Attributes:
        api: `local`, or how the server at `url` is asked (`rag.embeddings.dialects.DIALECTS`).
        url: without credentials, since it is stored and shown; empty for a local model.
    """

    api: str
    url: str = ""


def configured_embedder() -> Embedder:
    """Return the embedder that the settings EMBEDDINGS_URL, _API, _API_KEY and _MODEL name, one per process."""
    from django.conf import settings

    return embedder_for(
        url=settings.EMBEDDINGS_URL,
        api_key=settings.EMBEDDINGS_API_KEY,
        model=settings.EMBEDDINGS_MODEL,
        api=settings.EMBEDDINGS_API,
    )


def configured_source() -> EmbedderSource:
    """Return where the configured embedder is: what has to be kept to find it after the settings have changed."""
    from django.conf import settings

    url = settings.EMBEDDINGS_URL
    return (
        EmbedderSource(settings.EMBEDDINGS_API, without_credentials(url)) if url else EmbedderSource("local")
    )


def embedder_of(name: str, source: EmbedderSource) -> Embedder | None:
    """Return the embedder of a stored model: the configured one if that is it, else the one at its source.

    None where that cannot be told: a model that was stored before its source was, and is not configured any more.
    """
    configured = configured_embedder()
    if configured.name == name:
        return configured
    for model, local in _LOCAL.items():
        if name == local.name:
            return embedder_for(model=model)
    if not source.url:
        return None
    return embedder_for(url=source.url, api_key=_key_for(source.url), model=name, api=source.api or "openai")


@lru_cache(maxsize=8)
def embedder_for(*, url: str = "", api_key: str = "", model: str = "", api: str = "openai") -> Embedder:
    """Return the embedder at `url`, a local one without; the same object for the same values."""
    if not url:
        return _LOCAL[model]()
    from django.conf import settings

    from rag.actions.embedding_usage import record_embedding_usage
    from rag.embeddings.dialects import DIALECTS
    from rag.embeddings.pace import Pace, redis_windows
    from rag.embeddings.remote import RemoteEmbedder

    pace = Pace(
        f"{server_of(url)[1]}/{model}",
        requests_per_minute=settings.EMBEDDINGS_REQUESTS_PER_MINUTE,
        tokens_per_minute=settings.EMBEDDINGS_TOKENS_PER_MINUTE,
        shared=redis_windows(settings.REDIS_URL, prefix=settings.CHANNEL_PREFIX),
    )
    return RemoteEmbedder(
        url=url,
        api_key=api_key,
        model=model,
        dialect=DIALECTS[api],
        pace=pace,
        on_usage=record_embedding_usage,
    )


def _key_for(url: str) -> str:
    """The key that was given for that server; none, if no setting names it. A key goes to its own server only."""
    from django.conf import settings

    for own, key in (
        (settings.EMBEDDINGS_URL, settings.EMBEDDINGS_API_KEY),
        (settings.EMBEDDINGS_PREVIOUS_URL, settings.EMBEDDINGS_PREVIOUS_API_KEY),
    ):
        if own and server_of(url) == server_of(own):
            return str(key)
    return ""
