"""The seam to a language model: one async method that yields what an answer is made of.

AnswerError
├── RetryableModelError   the same request may succeed later, or elsewhere
└── FinalModelError       asking the same model again is useless
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, Protocol

from rag.retrieval.passages import Passage


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier turn of the conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """A passage as a model is served it: its text is `segments` joined, the least that can be cited each."""

    title: str
    url: str
    segments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """All that a model needs for one answer.

    Sources are numbered from 1 in their order, as citations name them. `fenced_sources` is the same material
    as one text, for servers without blocks for search results. `prompt` is the last user turn without the
    sources; `question` is what the person asked and `passages` what search found, for answerers that are no
    language models. `cache_sources`: other requests with the same fenced sources follow soon; only without `sources`.
    """

    system: str
    history: tuple[Turn, ...]
    sources: tuple[Source, ...]
    fenced_sources: str
    prompt: str
    question: str
    passages: tuple[Passage, ...]
    max_output_tokens: int
    cache_sources: bool = False


@dataclass(frozen=True, slots=True)
class ModelChosen:
    """The model that answers from here on; what earlier models reported no longer counts."""

    name: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the answer; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class CitationDelta:
    """The text just before rests on words of source `number` (1-based; 0: none that was served)."""

    number: int
    quote: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens so far, cumulative within one attempt. `input_tokens` leaves out what the cache accounts for."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_write_tokens: int = 0
    cache_read_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """The end of a complete stream. `truncated`: the answer ran into a length limit."""

    stop_reason: str
    usage: Usage
    truncated: bool = False


ModelEvent = ModelChosen | TextDelta | CitationDelta | Usage | Completion


class AnswerModel(Protocol):
    """Something that answers."""

    name: str

    def stream(self, request: AnswerRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield the answer; the last event of a complete one is its Completion.

        Closing the generator, or cancelling the task that reads it, ends the request to the model.

        Raises:
            RetryableModelError, FinalModelError: at any point of the iteration.
        """
        ...


class AnswerError(Exception):
    """An answer that cannot be completed. `code` and `message` are shown to the person who asked."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class RetryableModelError(AnswerError):
    """The same request may succeed later. `retry_after_s`: the wait that the server asked for, if it did."""

    def __init__(self, code: str, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(code, message)
        self.retry_after_s = retry_after_s


class FinalModelError(AnswerError):
    """Asking this model again is useless. `refused`: it declined, so another one is not asked either."""

    def __init__(self, code: str, message: str, *, refused: bool = False) -> None:
        super().__init__(code, message)
        self.refused = refused
