"""What `answerStream` follows: the text of an answer from its first word to its end."""

import asyncio
import time
from collections.abc import AsyncIterator

from chat.database import run_in_db
from chat.events import MessageDelta, MessageUpdated, room_group
from chat.live.delivery import RESYNC, Delivery
from chat.live.hub import subscribe
from chat.models import Message, User
from gql.subscriptions.answer_text import AnswerText, TextPiece
from gql.subscriptions.watch import watch_room
from rag.models import Answer
from rag.selectors import access_answer

REREAD_S = 0.5  # a running answer is saved about once a second; asking more often finds nothing new


class _Follower:
    """One subscriber's place in an answer."""

    def __init__(self, user: User, answer: Answer) -> None:
        self.user = user
        self.answer = answer
        self.text = AnswerText()
        self.finished = False
        self._read_at = 0.0

    async def read(self) -> list[TextPiece]:
        """Level with the database.

        Raises:
            NotFound: the answer is no longer open to the user.
        """
        self._read_at = time.monotonic()
        attempt = self.answer.attempt
        self.answer = await run_in_db(access_answer, self.user, self.answer.pk)
        message = self.answer.message
        if message.status != Message.Status.STREAMING:
            self.finished = True
            return self.text.finish(message.text, is_new_attempt=self.answer.attempt != attempt)
        return self.text.read(message.version, message.text, message.delta_index)

    async def take(self, delivery: Delivery) -> list[TextPiece]:
        """What an event of the room adds."""
        data, message_id = delivery.data, str(self.answer.message_id)
        if delivery.name == MessageDelta.name and data["messageId"] == message_id:
            pieces = self.text.add(data["index"], data["text"])
            if self.text.has_gap:
                await asyncio.sleep(max(0.0, self._read_at + REREAD_S - time.monotonic()))
                pieces += await self.read()
            return pieces
        if delivery.name == RESYNC or (delivery.name == MessageUpdated.name and data["id"] == message_id):
            return await self.read()
        return []


async def follow_answer(user: User, answer_id: str) -> AsyncIterator[TextPiece | Answer]:
    """The pieces of the answer's text in order, then the finished answer itself.

    Raises:
        NotFound: the answer is not, or no longer, open to the user. Unavailable: no channel layer.
    """
    follower = _Follower(user, await run_in_db(access_answer, user, answer_id))
    room_id = follower.answer.message.room_id
    async with subscribe(room_group(room_id)) as events:
        with watch_room(user, room_id, events):
            pieces = await follower.read()
            while True:
                for piece in pieces:
                    yield piece
                if follower.finished:
                    break
                pieces = await follower.take(await anext(events))
    yield follower.answer
