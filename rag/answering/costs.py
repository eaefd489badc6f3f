"""What an answer costs. Pure."""

from decimal import ROUND_HALF_EVEN, Decimal

from rag.llm.seam import Usage

_MILLION = Decimal(1_000_000)
_CENT_FRACTION = Decimal("0.000001")  # what the column keeps
# Of the price of an input token: writing the five-minute cache, and reading it (Anthropic, "Prompt caching").
_CACHE_WRITE = Decimal("1.25")
_CACHE_READ = Decimal("0.1")

# USD per million tokens (input, output) by family of model, for a model that nobody has given prices yet. An
# admin corrects them in the admin; a model of another maker is free until then.
_FAMILIES = {
    "opus": (Decimal(5), Decimal(25)),
    "sonnet": (Decimal(3), Decimal(15)),
    "haiku": (Decimal(1), Decimal(5)),
}


def default_prices(model: str) -> tuple[Decimal, Decimal]:
    """Input and output price in USD per million tokens; zeros for a family that is not known."""
    for family, prices in _FAMILIES.items():
        if family in model.lower():
            return prices
    return Decimal(0), Decimal(0)


def cost_usd(usage: Usage, *, input_price: Decimal, output_price: Decimal) -> Decimal:
    """The cost in USD, to a millionth. Prices are USD per million tokens."""
    input_tokens = (
        usage.input_tokens + _CACHE_WRITE * usage.cache_write_tokens + _CACHE_READ * usage.cache_read_tokens
    )
    cost = (input_tokens * input_price + usage.output_tokens * output_price) / _MILLION
    return cost.quantize(_CENT_FRACTION, rounding=ROUND_HALF_EVEN)
