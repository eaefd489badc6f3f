"""An answer while it streams: read from the model, sent to the room in numbered deltas, kept now and then."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from redis.exceptions import RedisError

from chat.database import run_in_db
from chat.events import MessageDelta, publish
from rag.actions.answers import keep_answer
from rag.answering.citations import DraftAnswer
from rag.answering.claim import AnswerClaim, Progress
from rag.answering.progress import progress_watch
from rag.llm.seam import CitationDelta, Completion, ModelChosen, ModelEvent, TextDelta

logger = logging.getLogger(__name__)

DELTA_INTERVAL_S = 0.05  # deltas of a fast model are joined; a reader sees no difference below this
SAVE_EVERY_S = 1.0


class LiveAnswer:
    """The growing answer of one claim. `first_delta_at` is a time.time(); `completion` is None unless complete."""

    def __init__(self, claim: AnswerClaim, *, model: str, source_count: int) -> None:
        self.draft = DraftAnswer(source_count)
        self.delta_index = 0
        self.model = model
        self.completion: Completion | None = None
        self.first_delta_at: float | None = None
        self._claim = claim
        self._sent = 0  # characters of the draft that have gone out
        self._sending = asyncio.Lock()
        self._sent_at = 0.0

    async def run(self, events: AsyncGenerator[ModelEvent, None]) -> Progress:
        """Follow the model to its end (GO_ON), or until a person stops it or the claim is lost.

        When this returns or raises, the request to the model is closed and every delta has been sent.

        Raises:
            AnswerError: of the model.
        """
        reading = asyncio.create_task(self._read(events))
        watching = asyncio.create_task(progress_watch().ended(self._claim))
        saving = asyncio.create_task(self._save())
        tasks = (reading, watching, saving)
        try:
            while not any(task.done() for task in tasks):
                await asyncio.wait(tasks, timeout=DELTA_INTERVAL_S, return_when=asyncio.FIRST_COMPLETED)
                await self._send()
            if reading.done():
                reading.result()
                return Progress.GO_ON
            return watching.result() if watching.done() else saving.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._send()

    async def _read(self, events: AsyncGenerator[ModelEvent, None]) -> None:
        async with aclosing(events):
            async for event in events:
                match event:
                    case TextDelta(text):
                        self.draft.add_text(text)
                    case CitationDelta(number, quote):
                        self.draft.add_citation(number, quote)
                    case ModelChosen(name):
                        self.model = name
                    case Completion():
                        self.completion = event
                if time.monotonic() - self._sent_at >= DELTA_INTERVAL_S:
                    await self._send()  # the first delta, and any of a slow model, waits for nothing

    async def _send(self) -> None:
        """Send what is new as the next delta. The channel layer is a hint: without it the saved text still grows."""
        async with self._sending:
            text = self.draft.text[self._sent :]
            if not text:
                return
            delta = MessageDelta(self._claim.room_id, self._claim.message_id, self.delta_index, text)
            self._sent += len(text)
            self.delta_index += 1
            self._sent_at = time.monotonic()
            try:
                await publish(delta)
            except (RedisError, OSError) as error:
                logger.warning("a delta of answer %d was not sent: %s", self._claim.answer_id, error)
            if self.first_delta_at is None:
                self.first_delta_at = time.time()

    async def _save(self) -> Progress:
        """Keep the text about once a second; returns when it may not be kept any more."""
        while True:
            await asyncio.sleep(SAVE_EVERY_S)
            text, index = self.draft.text[: self._sent], self.delta_index
            progress = await run_in_db(keep_answer, self._claim, text=text, delta_index=index)
            if progress is not Progress.GO_ON:
                return progress
