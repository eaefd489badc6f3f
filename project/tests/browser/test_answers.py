"""A running answer in the browser: it grows, can be stopped, tells why it failed, and can be tried again."""

import pytest
import pytest_asyncio
from playwright.async_api import expect

from rag.models import AnswerRating
from rag.tests.anthropic_peer import AnthropicPeer, Pause, Refuse, block

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio(loop_scope="session")]

STEPS = block(*(f"word{n} " for n in range(20)))
SLOW = [step for delta in STEPS for step in (delta, Pause(0.3))]
NEVER_ENDING = [*block("This will take ", "a while. ")[:-1], Pause(60)]


@pytest_asyncio.fixture(loop_scope="session")
async def ask(visit, general, start_parley_worker):
    """A function that starts a worker whose model follows scripts, and asks: gives asker, onlooker and the peer."""
    from asgiref.sync import sync_to_async

    peers = []

    async def begin(*scripts):
        peer = await AnthropicPeer(*scripts).__aenter__()
        peers.append(peer)
        await sync_to_async(start_parley_worker)(environment={"ANTHROPIC_BASE_URL": peer.url})
        ada, grace = await visit("ada"), await visit("grace")
        for visitor in (ada, grace):
            await visitor.open_room(general)
        await grace.say("@parley what is a word?")
        return grace, ada, peer

    yield begin
    for peer in peers:
        await peer.__aexit__()


async def test_an_answer_grows_before_everybodys_eyes_and_a_latecomer_catches_up(ask, visit, general):
    grace, ada, _ = await ask(SLOW)
    for visitor in (grace, ada):
        await expect(visitor.page.locator(".status-streaming .body")).to_contain_text("word2")
    await grace.check("room-streaming")

    await ada.open_room(general)  # in the middle
    seen = await ada.page.locator(".kind-answer .body").inner_text()
    await expect(ada.page.locator(".status-streaming .body")).to_contain_text("word12")

    assert "word19" not in seen
    running = await ada.page.locator(".status-streaming .body").inner_text()
    words = running.split()
    assert words == [f"word{n}" for n in range(len(words))]
    for visitor in (grace, ada):
        await expect(visitor.page.locator(".kind-answer.status-final .body")).to_contain_text("word18 word19")


async def test_who_asked_can_stop_the_answer(ask):
    grace, ada, peer = await ask(NEVER_ENDING)
    await expect(grace.page.locator(".status-streaming .body")).to_contain_text("a while")

    await grace.page.get_by_role("button", name="Stop").click()

    for visitor in (grace, ada):
        await expect(visitor.page.locator(".status-stopped")).to_contain_text("This will take a while.")
        await expect(visitor.page.get_by_text("Stopped before it was finished.")).to_be_visible()
    await peer.hung_up.wait()
    await grace.check("room-stopped")


async def test_a_failed_answer_says_why_and_is_tried_again(ask):
    grace, ada, _ = await ask([Refuse(401, "authentication_error")], block("Now it works."))
    await expect(ada.page.locator(".status-failed .message-error-text")).not_to_be_empty()
    await grace.check("room-failed")

    await grace.page.get_by_role("button", name="Try again").click()

    await expect(ada.page.locator(".kind-answer.status-final .body")).to_contain_text("Now it works.")
    await expect(ada.page.locator(".kind-answer")).to_have_count(1)


async def test_a_reader_says_whether_the_answer_helped(ask):
    _, ada, _ = await ask(block("A word is a unit."))
    answer = ada.page.locator(
        ".kind-answer.status-final"
    )  # made by the script: it came while the room was open
    await expect(answer.locator(".body")).to_contain_text("A word is a unit.")

    await answer.get_by_role("link", name="Did this help?").click()
    await expect(ada.page.get_by_role("heading", name="Did this answer help?")).to_be_visible()
    await ada.check("rate-answer")
    await ada.page.get_by_label("Why (optional)").fill("of what?")
    await ada.page.get_by_role("button", name="It did not help").click()

    await expect(ada.page.get_by_text("Your rating is kept")).to_be_in_viewport()
    rating = await AnswerRating.objects.select_related("user").aget()
    assert (rating.user.username, rating.helpful, rating.reason) == ("ada", False, "of what?")
