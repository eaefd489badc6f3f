"""The chain of language models, as the admin sets it."""

from decimal import Decimal

from django.db import models
from django.db.models import Q

from rag.money.prices import Prices


class LanguageModel(models.Model):
    """A model of the chain, with its prices. Lower positions are tried first."""

    name = models.CharField(max_length=120, unique=True)
    position = models.IntegerField(default=100)
    enabled = models.BooleanField(default=True)
    max_output_tokens = models.IntegerField(default=2048)
    context_tokens = models.IntegerField(default=200_000)
    input_price = models.DecimalField(
        max_digits=10, decimal_places=4, default=Decimal(0), help_text="USD per million input tokens."
    )
    output_price = models.DecimalField(
        max_digits=10, decimal_places=4, default=Decimal(0), help_text="USD per million output tokens."
    )
    cache_write_price = models.DecimalField(
        max_digits=10,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="USD per million tokens written to the cache; empty: 1.25 times the input price.",
    )
    cache_read_price = models.DecimalField(
        max_digits=10,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="USD per million tokens read from the cache; empty: a tenth of the input price.",
    )

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(input_price__gte=0, output_price__gte=0)
                & (Q(cache_write_price=None) | Q(cache_write_price__gte=0))
                & (Q(cache_read_price=None) | Q(cache_read_price__gte=0)),
                name="language_model_price_not_negative",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def prices(self) -> Prices:
        return Prices.of(self.input_price, self.output_price, self.cache_write_price, self.cache_read_price)
