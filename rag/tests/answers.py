"""A scripted model to answer with, and an ear in the room."""

import asyncio
from contextlib import asynccontextmanager

from django.apps import apps

from chat.events import room_group
from chat.hub import RESYNC, current_hub
from rag.answering.flow import Means
from rag.llm.scripted import ScriptedModel
from rag.llm.seam import CitationDelta, Completion, ModelChosen, TextDelta, Usage
from rag.models import Answer
from rag.tests.passages import PASSAGES

User, Room, Membership, Message = (
    apps.get_model("chat", name) for name in ("User", "Room", "Membership", "Message")
)
DONE = Completion("end_turn", Usage(1000, 200))
LEAVE_ANSWER = (
    ModelChosen("claude-test"),
    TextDelta("You get "),
    TextDelta("25 days."),
    CitationDelta(1, "Employees get 25 days of paid leave"),
    DONE,
)


def means(*scripts, passages=PASSAGES):
    model = ScriptedModel(*(scripts or [LEAVE_ANSWER]))
    return Means(search=lambda room_id, text: passages, model=lambda choices: model), model


@asynccontextmanager
async def listening(room):
    """What is announced in the room while the block runs, as (name, data) in order."""
    heard = []

    def hear(delivery):
        if delivery.name != RESYNC:
            heard.append((delivery.name, delivery.data))

    await current_hub().listen(room_group(room.pk), hear)
    try:
        yield heard
        await asyncio.sleep(0.1)
    finally:
        await current_hub().stop_listening(room_group(room.pk), hear)


async def until(condition, seconds=5.0):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the condition is a plain look at a list
            await asyncio.sleep(0.01)


def get_answer():
    return Answer.objects.select_related("message", "prompt").get()
