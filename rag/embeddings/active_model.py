"""The embedding model that answers: which one it is, and who turns questions into its vectors."""

from dataclasses import dataclass

from rag.embeddings import Embedder, embedder_of
from rag.embeddings.configuration import EmbedderSource
from rag.embeddings.models import EmbeddingModel


@dataclass(frozen=True, slots=True)
class ActiveModel:
    """A stored model with its embedder: vectors of `id` are compared with what `embedder` makes, and no other."""

    id: int
    dimensions: int
    embedder: Embedder


def active_model() -> ActiveModel | None:
    """The model whose vectors are complete, by one query; None before the first one, or if its embedder is not known.

    It need not be the configured one: while that one's vectors are being made, the one before answers.
    """
    return _with_embedder(EmbeddingModel.objects.filter(active=True).first())


def model_of(embedder: Embedder) -> ActiveModel | None:
    """The stored model of that embedder, active or not; None if there is none."""
    row = EmbeddingModel.objects.filter(name=embedder.name).first()
    return None if row is None else ActiveModel(row.pk, row.dimensions, embedder)


def _with_embedder(row: EmbeddingModel | None) -> ActiveModel | None:
    if row is None:
        return None
    embedder = embedder_of(row.name, EmbedderSource(row.api, row.url))
    return None if embedder is None else ActiveModel(row.pk, row.dimensions, embedder)
