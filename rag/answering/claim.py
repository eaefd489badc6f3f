"""The values that pass between the job that answers and the actions that store what it does."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from rag.answering.citations import Citation
from rag.answering.prompts import DefaultTemplate, HistoryItem, Template
from rag.money.calls import Account
from rag.money.prices import Prices


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A language model that may answer. The fields are those of `rag.models.LanguageModel`."""

    name: str
    max_output_tokens: int
    prices: Prices
    endpoint: str = ""
    key_variable: str = ""
    sources: str = "ask"
    caches: bool = True
    at_once: int = 0


@dataclass(frozen=True, slots=True)
class AnswerClaim:
    """One worker's right to answer, and what it needs for it.

    `attempt` is the fence: once another worker has taken over, the number has grown and nothing of this one
    is stored any more. `question` is the text without the mention of the assistant, `asked_at` when somebody
    asked it, or last asked for its answer again.
    """

    answer_id: int
    attempt: int
    message_id: int
    room_id: int
    question: str
    asked_at: datetime
    asked_by_id: int | None = None
    assistant_id: int | None = None
    history: tuple[HistoryItem, ...] = ()
    template: Template = field(default_factory=DefaultTemplate)
    models: tuple[ModelChoice, ...] = ()

    @property
    def account(self) -> Account:
        """On whose behalf models are asked: who asked pays."""
        return Account(self.asked_by_id, self.room_id, self.assistant_id, self.answer_id, self.attempt)


class Progress(Enum):
    """What a worker that answers should do next."""

    GO_ON = "go on"
    STOP = "stop"
    LEAVE = "leave"  # somebody else has the answer, or it is finished


@dataclass(frozen=True, slots=True)
class AnswerOutcome:
    """How an answer ended. `status`: final, failed (with `error`, code and message) or stopped."""

    status: str
    text: str
    citations: tuple[Citation, ...] = ()
    dropped_citations: int = 0
    error: tuple[str, str] | None = None
    delta_index: int = 0
    model: str = ""
    stop_reason: str = ""
    first_delta_ms: float | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
