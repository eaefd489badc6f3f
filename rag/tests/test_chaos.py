"""A server that fails three times in ten: every question ends, none hangs, and what is charged is what it counted."""

import asyncio
import random

import pytest
from django.apps import apps
from django.db.models import Sum

from chat.actions import post_message
from chat.database import run_in_db
from rag.answering.flow import Means, answer
from rag.llm.configured import close_clients
from rag.models import Answer, Budget, BudgetPeriod, ModelCall, Reservation
from rag.tests.anthropic_peer import AnthropicPeer, Drop, Pause, Refuse, Truncate, block, mid_stream_error
from rag.tests.passages import PASSAGES

pytestmark = pytest.mark.django_db(transaction=True)

QUESTIONS = 60
READ = 120 + 100 + 50  # tokens of one request, as the peer counts them
WRITTEN = 7
GOOD = block("You get ", "25 days [1].")
FAULTS = {
    "refused": [Refuse(429, "rate_limit_error", {"retry-after": "0"})],
    "overloaded": [Refuse(529, "overloaded_error")],
    "error in the stream": [*block("You get"), mid_stream_error("overloaded_error")],
    "truncated": [*block("You get"), Truncate()],
    "dropped": [*block("You get"), Pause(0.2), Drop()],
}
CLEAR = {"MODEL_RATE_LIMITED", "MODEL_OVERLOADED", "MODEL_INTERRUPTED", "MODEL_UNAVAILABLE"}


def scripts(seed):
    """So many scripts that they last, three in ten of them faults; by name."""
    dice = random.Random(seed)
    return [dice.choice(list(FAULTS)) if dice.random() < 0.3 else "good" for _ in range(QUESTIONS * 3)]


@pytest.fixture
def asked(parley):
    ada = apps.get_model("chat", "User").objects.create_user("ada")
    room = apps.get_model("chat", "Room").objects.create(name="general", kind="public")
    apps.get_model("chat", "Membership").objects.create(room=room, user=ada)
    Budget.objects.create(scope="everything", period="month", limit=1000)
    return [post_message(ada, room_id=room.pk, text=f"@parley question {n}?") for n in range(QUESTIONS)]


@pytest.fixture
def parley():
    return apps.get_model("chat", "User").objects.create_user("parley", is_bot=True, bot_task="rag.answer")


async def test_every_question_ends_and_costs_what_the_server_counted(asked, parley, settings):
    names = scripts(7)
    played = [GOOD if name == "good" else FAULTS[name] for name in names]
    async with AnthropicPeer(*played) as peer:
        settings.ANTHROPIC_BASE_URL, settings.ANTHROPIC_MODEL = peer.url, "claude-sonnet-test"
        means = Means(search=lambda room_id, text: PASSAGES)
        await asyncio.gather(*(answer(question.pk, parley.pk, means=means) for question in asked))
        await close_clients()
        served = names[: len(peer.requests)]

    answers = await run_in_db(lambda: list(Answer.objects.select_related("message")))
    statuses = [one.message.status for one in answers]
    assert len(answers) == QUESTIONS and set(statuses) == {"final", "failed"}
    assert all(one.message.error_code in CLEAR for one in answers if one.message.status == "failed")
    assert statuses.count("final") == served.count("good")

    await run_in_db(_compare_with, served)


def _compare_with(served):
    """The ledger with the server's count. A cut connection may lose what was on its way: either is right then."""
    begun = [name for name in served if name not in ("refused", "overloaded")]
    read = ModelCall.objects.aggregate(
        tokens=Sum("input_tokens") + Sum("cache_write_tokens") + Sum("cache_read_tokens")
    )["tokens"]
    assert READ * (len(begun) - begun.count("dropped")) <= read <= READ * len(begun)
    complete = ModelCall.objects.filter(outcome="complete", is_estimate=False)
    assert complete.count() == served.count("good")
    assert complete.aggregate(written=Sum("output_tokens"))["written"] == WRITTEN * served.count("good")
    assert ModelCall.objects.count() == len(served)
    assert not Reservation.objects.filter(closed_at=None).exists()
    period = BudgetPeriod.objects.get()
    assert (period.reserved, period.spent) == (0, ModelCall.objects.aggregate(cost=Sum("cost"))["cost"])
