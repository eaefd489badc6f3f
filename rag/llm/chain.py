"""A chain of models: retries with backoff, then the next model, all before the first token.

Exponential backoff with full jitter after Marc Brooker, "Exponential Backoff And Jitter" (AWS Architecture
Blog, 2015).
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from rag.llm.seam import (
    AnswerError,
    AnswerModel,
    AnswerRequest,
    CitationDelta,
    FinalModelError,
    ModelChosen,
    ModelEvent,
    RetryableModelError,
    TextDelta,
)

logger = logging.getLogger(__name__)

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient a person in a chat is. A server that asks for more than `longest_wait_s` is given up."""

    attempts_per_model: int = 3
    first_wait_s: float = 0.5
    longest_wait_s: float = 20.0

    def wait_s(self, attempt: int, error: RetryableModelError, jitter: float) -> float | None:
        """Seconds before the attempt after `attempt` (0-based), or None if the model should be given up.

        Args:
            jitter: uniform in [0, 1); spreads the clients that failed at the same moment.
        """
        if attempt + 1 >= self.attempts_per_model:
            return None
        backoff_s = min(self.longest_wait_s, self.first_wait_s * 2**attempt) * jitter
        if error.retry_after_s is None:
            return backoff_s
        if error.retry_after_s > self.longest_wait_s:
            return None
        return error.retry_after_s + min(backoff_s, 1.0)  # at least what was asked for, and not all at once


class ModelChain:
    """Asks the first model, and the next one only when the one before has failed without a word."""

    def __init__(
        self,
        models: Sequence[AnswerModel],
        *,
        policy: RetryPolicy | None = None,
        sleep: Sleep = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        if not models:
            raise ValueError("a chain needs at least one model")
        self.name = models[0].name
        self._models = tuple(models)
        self._policy = policy or RetryPolicy()
        self._sleep = sleep
        self._jitter = jitter

    async def stream(self, request: AnswerRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield the answer of the first model that gives one, each attempt begun by its ModelChosen.

        Raises:
            AnswerError: of the last attempt of the last model, of a refusal, or of a failure after the first
                token (a reader has seen text that another attempt would contradict).
        """
        for model in self._models:
            last = model is self._models[-1]
            for attempt in range(self._policy.attempts_per_model):
                spoken = False
                try:
                    yield ModelChosen(model.name)
                    async with aclosing(model.stream(request)) as events:
                        async for event in events:
                            spoken = spoken or isinstance(event, TextDelta | CitationDelta)
                            yield event
                    return
                except AnswerError as error:
                    logger.warning(
                        "%s, attempt %d: %s %s", model.name, attempt + 1, error.code, error.message
                    )
                    if spoken or getattr(error, "refused", False):
                        raise
                    wait_s = self._wait_s(attempt, error)
                    if wait_s is None and last:
                        raise
                if wait_s is None:
                    break
                await self._sleep(wait_s)

    def _wait_s(self, attempt: int, error: AnswerError) -> float | None:
        if isinstance(error, FinalModelError):
            return None
        assert isinstance(error, RetryableModelError)
        return self._policy.wait_s(attempt, error, self._jitter())
