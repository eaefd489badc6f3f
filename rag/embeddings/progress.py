"""How far the vectors of each embedding model are, and what they cost."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db.models import Count, Sum
from django.utils import timezone

from rag.models import Chunk, Embedding, EmbeddingModel, EmbeddingUsage


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


def embedding_costs(*, days: int) -> dict[str, Decimal]:
    """USD of the last days by the model's name; models that cost nothing may be absent."""
    since = timezone.now() - timedelta(days=days)
    spent = EmbeddingUsage.objects.filter(at__gte=since).values_list("model").annotate(Sum("cost"))
    return dict(spent.order_by())
