"""Answers by real worker processes, with the Messages API on loopback."""

import asyncio
import signal

import pytest
from django.apps import apps

from chat.actions import post_message
from chat.database import run_in_db
from rag.models import Answer
from rag.tests.anthropic_peer import AnthropicPeer, Pause, block

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def question(transactional_db):
    user = apps.get_model("chat", "User")
    user.objects.create_user("parley-bot", is_bot=True, bot_task="rag.answer")
    ada = user.objects.create_user("ada")
    room = apps.get_model("chat", "Room").objects.create(name="general", kind="public")
    apps.get_model("chat", "Membership").objects.create(room=room, user=ada)
    return post_message(ada, room_id=room.pk, text="@parley-bot How many days?")


async def until_answer(condition, timeout_s):
    """The one answer with its message, as soon as the condition holds for it."""

    def look():
        return Answer.objects.select_related("message").first()

    async with asyncio.timeout(timeout_s):
        while (found := await run_in_db(look)) is None or not condition(found):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
    return found


@pytest.mark.parametrize(
    ("end", "longest_s"),
    [(signal.SIGKILL, 60), (signal.SIGTERM, 45)],
    ids=["killed", "shut down"],
)
async def test_a_worker_that_ends_in_mid_answer_is_followed_by_another(
    question, start_parley_worker, end, longest_s
):
    async with AnthropicPeer([block("Half of "), Pause(90)], [block("25 days.")]) as peer:
        settings = {"ANTHROPIC_BASE_URL": peer.url}
        first = await asyncio.to_thread(start_parley_worker, environment=settings)
        begun = await until_answer(lambda answer: answer.message.text == "Half of", 30)

        first.process.send_signal(end)
        await asyncio.to_thread(first.process.wait, 15)
        await asyncio.to_thread(start_parley_worker, environment=settings)
        ended = await until_answer(lambda answer: answer.finished_at is not None, longest_s)

    assert (ended.pk, ended.message_id) == (begun.pk, begun.message_id)
    assert (ended.message.status, ended.message.text) == ("final", "25 days.")
    assert ended.attempt == 2
