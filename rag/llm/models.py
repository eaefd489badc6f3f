"""The chain of language models, as the admin sets it."""

from decimal import Decimal

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from rag.llm.addresses import KEY_VARIABLE, validate_endpoint
from rag.money.prices import Prices


class LanguageModel(models.Model):
    """A model of the chain, with its prices. Lower positions are tried first."""

    class Sources(models.TextChoices):
        ASK = "ask", "ask the server which it understands"
        BLOCKS = "blocks", "as search results, with the server's own citations"
        TEXT = "text", "as text, with markers that Parley checks"

    name = models.CharField(max_length=120, unique=True)
    position = models.IntegerField(default=100)
    enabled = models.BooleanField(default=True)
    endpoint = models.CharField(
        max_length=300,
        blank=True,
        validators=[validate_endpoint],
        help_text="Address of a server that speaks the Anthropic Messages API (Ollama, llama.cpp, vLLM, a proxy). "
        "Empty: the one of ANTHROPIC_BASE_URL, or Anthropic's own.",
    )
    key_variable = models.CharField(
        max_length=80,
        blank=True,
        validators=[RegexValidator(KEY_VARIABLE, "A name such as LLM_KEY_OLLAMA: it begins with LLM_KEY_.")],
        help_text="The environment variable that holds the key of that endpoint, such as LLM_KEY_VLLM. Empty: none, "
        "or ANTHROPIC_API_KEY where the endpoint is empty.",
    )
    sources = models.CharField(
        max_length=6, choices=Sources.choices, default=Sources.ASK, help_text="How it is given passages."
    )
    caches = models.BooleanField(
        default=True, help_text="Whether to ask the server to cache what all questions have in common."
    )
    at_once = models.PositiveIntegerField(
        default=0, help_text="Questions that its endpoint is asked at the same time, 0 for any number."
    )
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
