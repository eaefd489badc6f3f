"""A model that may be asked only for what is left of the budgets, and whose every call stands in the ledger."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from chat.database import run_in_db
from rag.actions.budgets import prolong_lease, reserve_call, settle_call
from rag.actions.problems import note_problem
from rag.llm.seam import (
    AnswerError,
    AnswerModel,
    AnswerRequest,
    Completion,
    FinalModelError,
    ModelEvent,
    TextDelta,
    Usage,
)
from rag.money.calls import BudgetExceeded, Call, CallEnd, Outcome, Reserved
from rag.money.prices import most_cost_usd, most_input_tokens
from rag.text.tokens import estimate_tokens

logger = logging.getLogger(__name__)

PROLONG_EVERY_S = 60.0


class MeteredModel:
    """`model`, with the worst case of every call reserved before it and settled after it, however it ends."""

    def __init__(self, model: AnswerModel, call: Call) -> None:
        self.name = model.name
        self._model = model
        self._call = call

    async def stream(self, request: AnswerRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield what the model does.

        Raises:
            FinalModelError: BUDGET_EXCEEDED; the model was not asked.
            RetryableModelError, FinalModelError: of the model.
        """
        most = most_cost_usd(most_input_tokens(request), request.max_output_tokens, self._call.prices)
        try:
            reserved = await run_in_db(reserve_call, self._call, most)
        except BudgetExceeded as error:
            raise FinalModelError(error.code, error.message) from error
        meter = _Meter(reserved)
        try:
            async with aclosing(self._model.stream(request)) as events:
                async for event in events:
                    meter.read(event)
                    await meter.prolong_when_due()
                    yield event
        except AnswerError as error:
            meter.error = error
            raise
        finally:
            # Whoever gives up waiting for it does not keep it from being written.
            await asyncio.shield(run_in_db(_settle, reserved, meter))


def _settle(reserved: Reserved, meter: "_Meter") -> None:
    settle_call(reserved, meter.end())
    if meter.error:
        note_problem("tool", meter.error.code, meter.error.message, place=reserved.call.model)


class _Meter:
    """What one call has used so far."""

    def __init__(self, reserved: Reserved) -> None:
        self.error: AnswerError | None = None
        self._reserved = reserved
        self._usage = Usage()
        self._complete = False
        self._text: list[str] = []
        self._prolonged_at = time.monotonic()

    def read(self, event: ModelEvent) -> None:
        match event:
            case TextDelta(text):
                self._text.append(text)
            case Usage():
                self._usage = event
            case Completion():
                self._complete, self._usage = True, event.usage

    async def prolong_when_due(self) -> None:
        if time.monotonic() - self._prolonged_at >= PROLONG_EVERY_S:
            self._prolonged_at = time.monotonic()
            await run_in_db(prolong_lease, self._reserved)

    def end(self) -> CallEnd:
        """A stream that broke off has not said how much it wrote: what was read of it is counted then."""
        code = self.error.code if self.error else ""
        outcome: Outcome = "failed" if code else "complete" if self._complete else "stopped"
        usage = self._usage
        if self._complete or usage == Usage():
            return CallEnd(outcome, usage, error_code=code)
        written = max(usage.output_tokens, estimate_tokens("".join(self._text)))
        usage = Usage(usage.input_tokens, written, usage.cache_write_tokens, usage.cache_read_tokens)
        return CallEnd(outcome, usage, is_estimate=True, error_code=code)
