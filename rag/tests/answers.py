"""A scripted model to answer with, and an ear in the room."""

import asyncio
from contextlib import asynccontextmanager, suppress
from decimal import Decimal

import orjson
from channels.layers import get_channel_layer
from django.apps import apps

from chat.events import room_group
from chat.live.groups import EVERY_PROCESS
from rag.answering.flow import Means
from rag.llm.scripted import ScriptedModel
from rag.llm.seam import CitationDelta, Completion, ModelChosen, TextDelta, Usage
from rag.models import Answer
from rag.money.calls import Call
from rag.money.metering import MeteredModel
from rag.money.prices import Prices
from rag.tests.passages import PASSAGES

User, Room, Membership, Message = (
    apps.get_model("chat", name) for name in ("User", "Room", "Membership", "Message")
)
FREE = Prices.of(Decimal(0), Decimal(0))
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

    def metered(claim):
        prices = claim.models[0].prices if claim.models else FREE
        return MeteredModel(model, Call("answer", "claude-test", prices, claim.account))

    return Means(search=lambda room_id, text: passages, model=metered), model


@asynccontextmanager
async def listening(room):
    """What is announced of the room's messages while the block runs, as (name, data) in order."""
    layer, heard = get_channel_layer(), []
    channel = await layer.new_channel()
    for group in (room_group(room.pk), EVERY_PROCESS):
        await layer.group_add(group, channel)

    async def hear():
        while True:
            message = await layer.receive(channel)
            events = message["groups"].get(room_group(room.pk), ())
            heard.extend(
                (name, orjson.loads(data))
                for name, _, data in events
                if name.startswith("message-") or name == "new-message"
            )

    hearing = asyncio.create_task(hear())
    try:
        yield heard
        await asyncio.sleep(0.1)
    finally:
        hearing.cancel()
        with suppress(asyncio.CancelledError):
            await hearing
        await layer.group_discard(room_group(room.pk), channel)


async def until(condition, seconds=5.0):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the condition is a plain look at a list
            await asyncio.sleep(0.01)


def get_answer():
    return Answer.objects.select_related("message", "prompt").get()
