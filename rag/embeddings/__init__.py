"""Vectors of texts, from the model in the installation or from a server. Importing loads no model."""

from rag.embeddings.configuration import configured_embedder, embedder_for, embedder_of
from rag.embeddings.embedder import Embedder, EmbeddingError
from rag.embeddings.local import LocalEmbedder

__all__ = [
    "Embedder",
    "EmbeddingError",
    "LocalEmbedder",
    "configured_embedder",
    "embedder_for",
    "embedder_of",
]
