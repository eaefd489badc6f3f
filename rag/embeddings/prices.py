"""What embeddings cost. Pure."""

from decimal import ROUND_HALF_EVEN, Decimal

_MILLION = Decimal(1_000_000)
STORED = Decimal("0.0000000001")  # what the column keeps: a question costs less than a millionth of a dollar

# USD per million tokens, by the beginning of the name, for a model that nobody has given a price. An admin corrects it;
# a model that is not listed is free until then.
_PRICES = (
    ("text-embedding-3-small", Decimal("0.02")),
    ("text-embedding-3-large", Decimal("0.13")),
    ("voyage-3.5-lite", Decimal("0.02")),
    ("voyage-3.5", Decimal("0.06")),
    ("voyage-3-large", Decimal("0.18")),
    ("voyage-code-3", Decimal("0.18")),
)


def default_embedding_price(model: str) -> Decimal:
    """USD per million tokens; zero for a model that is not known."""
    return next((price for name, price in _PRICES if model.startswith(name)), Decimal(0))


def embedding_cost_usd(tokens: int, price: Decimal) -> Decimal:
    """The cost in USD, to what is stored; the price is in USD per million tokens."""
    return (tokens * price / _MILLION).quantize(STORED, rounding=ROUND_HALF_EVEN)
