"""The flow of an answer with a server on loopback that speaks Anthropic's Messages API."""

import asyncio

import pytest
from django.apps import apps

from chat.actions import post_message
from chat.database import run_in_db
from rag.actions import stop_answer
from rag.answering.flow import Means, answer
from rag.llm.configured import close_clients
from rag.models import Answer
from rag.tests.anthropic_peer import AnthropicPeer, Drop, Pause, Refuse, block, mid_stream_error
from rag.tests.passages import PASSAGES

pytestmark = pytest.mark.django_db(transaction=True)

QUOTE = "Employees get 25 days of paid leave per calendar year. "
CITED = block("You get ", "25 days.", cites=[(0, QUOTE)])
MEANS = Means(search=lambda room_id, text: PASSAGES)


@pytest.fixture
def parley():
    return apps.get_model("chat", "User").objects.create_user(
        "parley-bot", is_bot=True, bot_task="rag.answer"
    )


@pytest.fixture
def question(parley):
    ada = apps.get_model("chat", "User").objects.create_user("ada")
    room = apps.get_model("chat", "Room").objects.create(name="general", kind="public")
    apps.get_model("chat", "Membership").objects.create(room=room, user=ada)
    return post_message(ada, room_id=room.pk, text="@parley-bot How many days?")


@pytest.fixture
async def clients():
    yield
    await close_clients()


def get_answer():
    return Answer.objects.select_related("message", "asked_by").get()


async def answer_with(peer, question, parley, settings, key=""):
    settings.ANTHROPIC_BASE_URL, settings.ANTHROPIC_API_KEY = peer.url, key
    settings.ANTHROPIC_MODEL = "claude-sonnet-test"
    await answer(question.pk, parley.pk, means=MEANS)
    return await run_in_db(get_answer)


async def test_an_answer_of_the_api_is_cited_and_paid(question, parley, settings, clients):
    async with AnthropicPeer(CITED) as peer:
        stored = await answer_with(peer, question, parley, settings, key="secret")

    assert (stored.message.status, stored.message.text) == ("final", "You get 25 days. [1]")
    assert stored.message.citations[0]["quote"] == QUOTE.strip()
    assert (stored.model, stored.input_tokens, stored.output_tokens) == ("claude-sonnet-test", 270, 7)
    assert stored.cost > 0
    assert peer.headers[0]["authorization"] == "Bearer secret"


async def test_a_base_url_without_a_key_is_enough(question, parley, settings, clients):
    async with AnthropicPeer(CITED) as peer:
        stored = await answer_with(peer, question, parley, settings)

    assert stored.message.status == "final"


async def test_bare_markers_of_a_server_without_citations_are_checked_too(
    question, parley, settings, clients
):
    async with AnthropicPeer(block("Employees get 25 days of paid leave [1], and a car [3].")) as peer:
        stored = await answer_with(peer, question, parley, settings)

    assert stored.message.text == "Employees get 25 days of paid leave [1], and a car."
    assert stored.dropped_citations == 1


async def test_a_rate_limit_is_waited_out(question, parley, settings, clients):
    limited = [Refuse(429, "rate_limit_error", {"retry-after": "0.1"})]

    async with AnthropicPeer(limited, CITED) as peer:
        stored = await answer_with(peer, question, parley, settings)

    assert stored.message.status == "final"
    assert len(peer.requests) == 2


@pytest.mark.parametrize(
    ("end", "code"),
    [(Drop(), "MODEL_INTERRUPTED"), (mid_stream_error("overloaded_error"), "MODEL_OVERLOADED")],
)
async def test_a_failure_in_mid_stream_keeps_the_words_and_says_why(
    question, parley, settings, clients, end, code
):
    async with AnthropicPeer([CITED, end]) as peer:
        stored = await answer_with(peer, question, parley, settings)

    message = stored.message
    assert (message.status, message.text, message.error_code) == ("failed", "You get 25 days. [1]", code)
    assert len(peer.requests) == 1
    assert stored.input_tokens == 270


async def test_stop_hangs_up_on_the_api(question, parley, settings, clients):
    async with AnthropicPeer([block("You get"), Pause(60)]) as peer:
        running = asyncio.create_task(answer_with(peer, question, parley, settings))
        async with asyncio.timeout(60):
            while not peer.requests:  # noqa: ASYNC110 - the peer has no event for it
                await asyncio.sleep(0.01)
        stored = await run_in_db(get_answer)
        await run_in_db(stop_answer, stored.asked_by, answer_id=str(stored.pk))

        stored = await asyncio.wait_for(running, 60)
        await asyncio.wait_for(peer.hung_up.wait(), 60)

    assert stored.message.status == "stopped"
