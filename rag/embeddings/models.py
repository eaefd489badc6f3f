"""Embedding models and the vectors they made. Imported by rag/models.py, where Django looks for them."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from pgvector.django import HalfVectorField


class EmbeddingModel(models.Model):
    """A model that turned chunks into vectors. One is active: the one questions are embedded with.

    Another one may be building: it gets its vectors while the active one answers, and then takes its place. One that
    was replaced is retired: its vectors stay for a while, so that going back is quick.
    """

    name = models.CharField(max_length=200, unique=True)
    dimensions = models.IntegerField()
    active = models.BooleanField(default=False)
    api = models.CharField(
        max_length=20,
        blank=True,
        help_text="How it is asked; empty: the settings say, as for the configured model.",
    )
    url = models.CharField(max_length=500, blank=True, help_text="Where; empty: in this installation.")
    building_since = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(
        max_length=500, blank=True, help_text="Why its vectors cannot be made just now."
    )
    retired_at = models.DateTimeField(null=True, blank=True, help_text="When it was replaced or given up.")
    price = models.DecimalField(
        max_digits=10,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="USD per million tokens; empty: what is known of models of its name, else nothing.",
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["active"], condition=Q(active=True), name="embedding_model_one_active"
            ),
            models.CheckConstraint(
                condition=Q(active=False) | Q(building_since=None, retired_at=None),
                name="embedding_model_active_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(building_since=None) | Q(retired_at=None), name="embedding_model_one_state"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> str:
        """`active`, `building`, `retired`, or `unused` for one that has not come to anything."""
        if self.active:
            return "active"
        if self.building_since:
            return "building"
        return "retired" if self.retired_at else "unused"


class Embedding(models.Model):
    """A chunk's vector by one embedding model. The column holds any dimension; each model has a partial index."""

    chunk = models.ForeignKey("rag.Chunk", models.CASCADE, related_name="embeddings", db_index=False)
    model = models.ForeignKey(EmbeddingModel, models.CASCADE, related_name="+", db_index=False)
    collection = models.ForeignKey("rag.Collection", models.CASCADE, related_name="+")
    vector = HalfVectorField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chunk", "model"], name="embedding_once_per_model")]

    def __str__(self) -> str:
        return f"vector of {self.chunk_id}"


class EmbeddingUsage(models.Model):
    """One request that an embedding server answered, only ever added. Local models cost nothing and add none."""

    model = models.CharField(max_length=200)
    is_question = models.BooleanField(help_text="Else passages of documents.")
    texts = models.IntegerField()
    tokens = models.IntegerField()
    price = models.DecimalField(max_digits=10, decimal_places=4, help_text="USD per million tokens, then.")
    cost = models.DecimalField(max_digits=16, decimal_places=10, help_text="USD.")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["-at"], name="embedding_usage_newest")]
        constraints = [
            models.CheckConstraint(
                condition=Q(texts__gte=0, tokens__gte=0, cost__gte=0), name="embedding_usage_not_negative"
            )
        ]

    def __str__(self) -> str:
        return f"{self.tokens} tokens of {self.model}"
