"""A model that plays a script: the fake for tests, and the example of the seam at its smallest."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from rag.llm.seam import AnswerRequest, ModelEvent

Step = ModelEvent | Exception | float


class ScriptedModel:
    """Plays one script per request, the last one again and again; records the requests.

    A number in a script is a pause in seconds; an exception is raised. `closed` counts streams that ended
    before their script did.
    """

    def __init__(self, *scripts: Sequence[Step], name: str = "scripted") -> None:
        self.name = name
        self.requests: list[AnswerRequest] = []
        self.closed = 0
        self._scripts = scripts

    async def stream(self, request: AnswerRequest) -> AsyncGenerator[ModelEvent, None]:
        """Play the script of this request."""
        script = self._scripts[min(len(self.requests), len(self._scripts) - 1)]
        self.requests.append(request)
        try:
            for step in script:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, int | float):
                    await asyncio.sleep(step)
                else:
                    yield step
        except (GeneratorExit, asyncio.CancelledError):
            self.closed += 1
            raise
