"""A model whose endpoint is asked only when it has room and has not just failed again and again."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from rag.llm.endpoint import Ending, Endpoint
from rag.llm.seam import AnswerModel, AnswerRequest, ModelEvent, RetryableModelError

# What tells of a server that is in trouble. A limit on one's own rate does not, nor does a request it does not like.
TROUBLE = frozenset(
    {"MODEL_OVERLOADED", "MODEL_TIMEOUT", "MODEL_UNAVAILABLE", "MODEL_UNREACHABLE", "MODEL_INTERRUPTED"}
)


class GuardedModel:
    """`model`, behind the circuit breaker and the places of its endpoint."""

    def __init__(self, model: AnswerModel, endpoint: Endpoint) -> None:
        self.name = model.name
        self._model = model
        self._endpoint = endpoint

    async def stream(self, request: AnswerRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield what the model does.

        Raises:
            RetryableModelError, FinalModelError: of the endpoint, which was not asked then, or of the model.
        """
        place = await self._endpoint.enter()
        ending: Ending = "left"
        try:
            async with aclosing(self._model.stream(request)) as events:
                async for event in events:
                    yield event
                    await place.stay()
            ending = "worked"
        except RetryableModelError as error:
            ending = "failed" if error.code in TROUBLE else "left"
            raise
        finally:
            await asyncio.shield(place.leave(ending))
