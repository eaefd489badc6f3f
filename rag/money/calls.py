"""A call of a model, as budgets and the ledger see it."""

from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from chat.errors import DomainError
from rag.llm.seam import Usage
from rag.money.prices import Prices

Purpose = Literal["answer", "rewrite", "summary", "title", "context", "evaluation"]
Outcome = Literal["complete", "stopped", "failed", "lost"]


class BudgetExceeded(DomainError):
    """What a call may cost is more than a budget has left. `retry_after_s`: until the budget renews."""

    code = "BUDGET_EXCEEDED"


@dataclass(frozen=True, slots=True)
class Account:
    """On whose behalf a call is made; None where nobody's: whom budgets are looked up for."""

    user_id: int | None = None
    room_id: int | None = None
    assistant_id: int | None = None
    answer_id: int | None = None
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is to be made."""

    purpose: Purpose
    model: str
    prices: Prices
    account: Account = Account()

    def as_json(self) -> dict[str, Any]:
        """What a reservation keeps of it, in case nobody is left to tell."""
        prices = {name: str(price) for name, price in asdict(self.prices).items()}
        return {
            "purpose": self.purpose,
            "model": self.model,
            "prices": prices,
            "account": asdict(self.account),
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Call":
        prices = Prices(**{name: Decimal(price) for name, price in kept["prices"].items()})
        return cls(kept["purpose"], kept["model"], prices, Account(**kept["account"]))


@dataclass(frozen=True, slots=True)
class CallEnd:
    """How a call ended and what it used. `is_estimate`: the server did not say how much it had written."""

    outcome: Outcome
    usage: Usage = Usage()
    is_estimate: bool = False
    error_code: str = ""


@dataclass(frozen=True, slots=True)
class Reserved:
    """A call that may be made now. `cost_usd` is the most that it may come to."""

    id: int
    call: Call
    cost_usd: Decimal
    begun_at: datetime
