"""How far the vectors of each embedding model are."""

from dataclasses import dataclass

from django.db.models import Count

from rag.models import Chunk, Embedding, EmbeddingModel


@dataclass(frozen=True, slots=True)
class Progress:
    """`made` of the `chunks` of all documents have a vector of the model."""

    model: EmbeddingModel
    made: int
    chunks: int

    def __str__(self) -> str:
        return f"{self.made} of {self.chunks} passages"


def embedding_progress() -> list[Progress]:
    """Of every model, the active one first, then that which is being built; two queries that count rows."""
    chunks = Chunk.objects.count()
    made = dict(Embedding.objects.values_list("model").annotate(Count("pk")).order_by())
    models = sorted(
        EmbeddingModel.objects.all(), key=lambda m: (not m.active, m.building_since is None, m.pk)
    )
    return [Progress(model, made.get(model.pk, 0), chunks) for model in models]
