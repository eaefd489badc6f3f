"""Prices of models, and what a call costs at the most and in the end. Pure."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_UP, Decimal

from rag.llm.seam import AnswerRequest, Usage

_MILLION = Decimal(1_000_000)
_KEPT = Decimal("0.0000000001")  # what the columns keep
# Of the price of an input token: writing the five-minute cache, and reading it (Anthropic, "Prompt caching").
_CACHE_WRITE = Decimal("1.25")
_CACHE_READ = Decimal("0.1")
# What a server adds to a request by itself: its own words about citations, roles, separators.
_ADDED_TOKENS = 1000
_ADDED_TOKENS_PER_BLOCK = 40

# USD per million tokens (input, output) by family of model, for a model that nobody has given prices yet. An
# admin corrects them in the admin; a model of another maker is free until then.
_FAMILIES = {
    "opus": (Decimal(5), Decimal(25)),
    "sonnet": (Decimal(3), Decimal(15)),
    "haiku": (Decimal(1), Decimal(5)),
}


@dataclass(frozen=True, slots=True)
class Prices:
    """USD per million tokens."""

    input: Decimal
    output: Decimal
    cache_write: Decimal
    cache_read: Decimal

    @classmethod
    def of(
        cls,
        input_price: Decimal,
        output_price: Decimal,
        cache_write: Decimal | None = None,
        cache_read: Decimal | None = None,
    ) -> "Prices":
        """Prices of a model; those of its cache are Anthropic's multiples of the input price if they are not given."""
        return cls(
            input_price,
            output_price,
            input_price * _CACHE_WRITE if cache_write is None else cache_write,
            input_price * _CACHE_READ if cache_read is None else cache_read,
        )

    @property
    def dearest_input(self) -> Decimal:
        """What a token that is read may cost at the most."""
        return max(self.input, self.cache_write, self.cache_read)


def cost_usd(usage: Usage, prices: Prices) -> Decimal:
    """The cost in USD, to the ten digits that are kept."""
    cost = (
        usage.input_tokens * prices.input
        + usage.output_tokens * prices.output
        + usage.cache_write_tokens * prices.cache_write
        + usage.cache_read_tokens * prices.cache_read
    ) / _MILLION
    return cost.quantize(_KEPT, rounding=ROUND_HALF_EVEN)


def most_cost_usd(most_input_tokens: int, most_output_tokens: int, prices: Prices) -> Decimal:
    """What a call costs at the most, in USD: all that is read at the dearest price, all that may be written."""
    cost = (most_input_tokens * prices.dearest_input + most_output_tokens * prices.output) / _MILLION
    return cost.quantize(_KEPT, rounding=ROUND_UP)


def most_input_tokens(request: AnswerRequest) -> int:
    """A bound on the tokens of a request: no tokenizer makes more tokens of a text than it has bytes.

    Sources go out in one of two forms (`AnswerRequest`); the longer one counts.
    """
    texts = [request.system, request.prompt, *(turn.text for turn in request.history)]
    as_blocks = [part for source in request.sources for part in (source.title, source.url, *source.segments)]
    blocks = len(texts) + len(as_blocks)
    return (
        sum(map(_size, texts))
        + max(sum(map(_size, as_blocks)), _size(request.fenced_sources))
        + blocks * _ADDED_TOKENS_PER_BLOCK
        + _ADDED_TOKENS
    )


def _size(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


def default_prices(model: str) -> tuple[Decimal, Decimal]:
    """Input and output price in USD per million tokens; zeros for a family that is not known."""
    for family, prices in _FAMILIES.items():
        if family in model.lower():
            return prices
    return Decimal(0), Decimal(0)
