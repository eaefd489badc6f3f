"""What a browser keeps of what was not acknowledged: each message is in the room once, whatever dies in between."""

import asyncio
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

from chat.database import run_in_db
from chat.models import Message, Room

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio(loop_scope="session")]
OUTBOX_IS_EMPTY = (
    "() => Object.keys(localStorage).every((key) => !key.includes('outbox') || localStorage[key] === '[]')"
)


@pytest.fixture
def server(start_parley_server):
    """The web process, which can be killed."""
    return start_parley_server()


@pytest.fixture
def parley_server(server) -> str:
    """Its address, for the fixtures of the browser."""
    return server.url


@pytest.fixture
def start_again(server, start_parley_server):
    """A function that starts a web process at the address of the killed one."""

    async def start() -> None:
        await asyncio.to_thread(start_parley_server, port=urlsplit(server.url).port)

    return start


async def stored_texts() -> list[str]:
    return await run_in_db(
        lambda: list(Message.objects.filter(kind="person").order_by("id").values_list("text", flat=True))
    )


def shown(visitor, text: str):
    return visitor.page.locator(".message", has_text=text)


async def say_without_an_answer(visitor, server, room: Room, text: str) -> None:
    """Post a message that is stored, and kill the server before it tells anybody so."""
    heard: list[asyncio.Event] = []  # for each connection: whether the page hears what the server says

    def pass_on(route):
        hears = asyncio.Event()
        hears.set()
        heard.append(hears)
        upstream = route.connect_to_server()
        upstream.on_message(lambda frame: route.send(frame) if hears.is_set() else None)

    await visitor.page.route_web_socket("**/socket.io/**", pass_on)
    await visitor.open_room(room)
    for hears in heard:
        hears.clear()  # for good: what the server said may come after its end
    await visitor.say(text)
    async with asyncio.timeout(60):
        while await stored_texts() != [text]:  # noqa: ASYNC110  (there is no event for it)
            await asyncio.sleep(0.02)
    server.kill()


async def test_a_message_whose_acknowledgement_was_lost_is_there_once(visit, general, server, start_again):
    ada = await visit("ada")
    await say_without_an_answer(ada, server, general, "stored, but who knows")
    await expect(ada.page.locator("#connection")).to_contain_text("What you send is kept")
    await expect(shown(ada, "stored, but").locator(".waiting")).to_be_visible()
    await ada.check("outbox-waiting")

    await start_again()

    await expect(ada.page.locator(".message.pending")).to_have_count(0)
    await expect(shown(ada, "stored, but who knows")).to_have_count(1)
    assert await stored_texts() == ["stored, but who knows"]
    ada.problems.clear()  # the browser notes that it could not connect


async def test_a_page_that_is_opened_again_shows_such_a_message_once(visit, general, server, start_again):
    ada = await visit("ada")
    await say_without_an_answer(ada, server, general, "stored, but who knows")
    await start_again()
    await ada.page.close()

    ada.page = await ada.page.context.new_page()
    await ada.open_room(general)

    await expect(shown(ada, "stored, but who knows")).to_have_count(1)
    await expect(ada.page.locator(".message.pending")).to_have_count(0)
    await ada.page.wait_for_function(OUTBOX_IS_EMPTY)
    await expect(shown(ada, "stored, but who knows")).to_have_count(1)
    assert await stored_texts() == ["stored, but who knows"]
    ada.problems.clear()


async def test_messages_and_a_draft_outlive_the_page_and_the_server(visit, general, server, start_again):
    ada = await visit("ada")
    await ada.open_room(general)
    server.kill()
    await expect(ada.page.locator("#connection")).to_contain_text("What you send is kept")
    texts = ["first while away", "second while away", "third while away"]
    for text in texts:
        await ada.say(text)
    await ada.page.fill("#text", "a draft that is not finished")
    await expect(ada.page.locator(".message.pending")).to_have_count(3)
    await ada.page.close()
    await start_again()

    ada.page = await ada.page.context.new_page()
    await ada.open_room(general)

    await expect(ada.page.locator(".message.pending")).to_have_count(0)
    assert await ada.page.locator(".kind-person .body").all_inner_texts() == texts
    assert await stored_texts() == texts
    assert await ada.page.input_value("#text") == "a draft that is not finished"
    ada.problems.clear()


async def test_two_pages_of_one_person_send_what_waits_once(visit, general, server, start_again):
    ada = await visit("ada")
    await ada.open_room(general)
    other = await ada.page.context.new_page()
    await other.goto(ada.page.url)
    await other.wait_for_selector("#room[data-connection=connected]")
    server.kill()
    await expect(ada.page.locator("#connection")).to_contain_text("What you send is kept")
    for number in range(5):
        await ada.say(f"number {number}")

    await start_again()

    for page in (ada.page, other):
        await expect(page.locator(".kind-person:not(.pending)")).to_have_count(5)
        await expect(page.locator(".message.pending")).to_have_count(0)
    assert sorted(await stored_texts()) == [f"number {number}" for number in range(5)]
    ada.problems.clear()


async def test_a_message_that_is_refused_waits_for_a_decision(visit, general):
    ada = await visit("ada")
    await ada.open_room(general)
    await run_in_db(Room.objects.filter(pk=general.pk).update, archived_at="2026-01-01T00:00Z")
    await ada.say("too late")

    refused = ada.page.locator(".message.refused")
    await expect(refused).to_contain_text("This room is archived")
    await ada.check("outbox-refused")
    await run_in_db(Room.objects.filter(pk=general.pk).update, archived_at=None)
    await refused.get_by_role("button", name="Send again").click()

    await expect(ada.page.locator(".message.refused")).to_have_count(0)
    await expect(ada.page.locator(".message.pending")).to_have_count(0)
    await expect(shown(ada, "too late")).to_have_count(1)
    assert await stored_texts() == ["too late"]


async def test_a_browser_without_room_to_keep_anything_still_sends(visit, general):
    ada = await visit("ada")
    await ada.open_room(general)
    await ada.page.evaluate(
        "() => { Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }; }"
    )

    await ada.say("first")
    await ada.say("second")

    await expect(ada.page.locator(".kind-person:not(.pending)")).to_have_count(2)
    assert await stored_texts() == ["first", "second"]
