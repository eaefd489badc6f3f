"""How servers are asked for embeddings, and what their answers say. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

CHARACTERS_PER_TOKEN = 4  # of English, about


@dataclass(frozen=True, slots=True)
class Dialect:
    """The body of a request for texts, all of them questions or all passages."""

    body: Callable[[str, Sequence[str], bool], dict[str, Any]]


def _openai(model: str, texts: Sequence[str], is_question: bool) -> dict[str, Any]:
    return {"model": model, "input": list(texts), "encoding_format": "float"}


def _voyage(model: str, texts: Sequence[str], is_question: bool) -> dict[str, Any]:
    # https://docs.voyageai.com/reference/embeddings-api: both are told apart, and lists of numbers are its default.
    return {"model": model, "input": list(texts), "input_type": "query" if is_question else "document"}


DIALECTS = {"openai": Dialect(_openai), "voyage": Dialect(_voyage)}


def tokens_used(answer: object, texts: Sequence[str]) -> int:
    """The tokens an answer was charged for; where it does not say, what the texts come to by rule of thumb."""
    usage = answer.get("usage") if isinstance(answer, dict) else None
    told = usage.get("total_tokens") if isinstance(usage, dict) else None
    return told if isinstance(told, int) and told >= 0 else estimate_tokens(texts)


def estimate_tokens(texts: Sequence[str]) -> int:
    """What texts come to in tokens by rule of thumb, at least one each."""
    return sum(-(-len(text) // CHARACTERS_PER_TOKEN) or 1 for text in texts)
