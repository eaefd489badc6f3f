"""The path of a newcomer: sign in, upload, ask, follow a citation; somebody else sees it live."""

import asyncio
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import expect

from chat import actions
from rag.tests.documents import PUMP, write_docx, write_pdf

QUESTION = "@parley how fast does the hydraulic pump on line seven run?"
READY_MS = 90_000

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio(loop_scope="session")]


def write_manual(path: Path) -> Path:
    """A PDF of 100 pages; one of them speaks of the pump."""
    filler = "Section {} describes the maintenance of conveyor number {} and who signs for it. "
    pages: list[list[str | tuple[str, str]]] = [
        [("Heading1", f"Chapter {n}"), filler.format(n, n) * 6] for n in range(1, 101)
    ]
    pages[41] = [("Heading1", "Hydraulics"), PUMP * 2]
    return write_pdf(path, pages, title="Plant manual")


async def test_a_newcomer_asks_about_uploaded_documents_and_everybody_sees_the_answer(
    visit, general, start_parley_worker, tmp_path
):
    await sync_to_async(start_parley_worker)()
    manual, note = write_manual(tmp_path / "manual.pdf"), write_docx_note(tmp_path / "note.docx")
    ada, grace = await visit("ada"), await visit("grace")
    await ada.open_room(general)
    await grace.open_room(general)
    await ada.check("room-empty")

    # A PDF of 100 pages and a Word file go into the room.
    await ada.page.set_input_files("#attach-input", [manual, note])
    await expect(ada.page.locator("#uploads .document-row")).to_have_count(2)
    await ada.check("room-uploading")
    await ada.page.click("[href$='/files/'][data-pane]")
    await expect(ada.page.locator("#pane .status-ready")).to_have_count(2, timeout=READY_MS)
    await ada.check("room-files")
    await ada.page.keyboard.press("Escape")
    await expect(ada.page.locator("#pane")).to_be_hidden()

    # The question and its answer are in both browsers, with citations.
    await ada.say(QUESTION)
    await expect(grace.page.get_by_text("how fast does the hydraulic pump")).to_be_visible()
    for visitor in (ada, grace):
        answer = visitor.page.locator(".kind-answer.status-final")
        await expect(answer).to_contain_text("nine hundred turns")
        await expect(answer.locator("a.citation").first).to_be_visible()
    await ada.check("room-answer")

    # A citation opens the passage beside the room, with the words marked.
    await grace.page.locator(".kind-answer .source", has_text="manual").first.click()
    await expect(grace.page.locator("#pane mark")).to_contain_text("nine hundred turns")
    await expect(grace.page.locator("#pane")).to_contain_text("Page 42")
    await grace.check("room-passage")

    # From there the whole document.
    await grace.page.get_by_role("link", name="Open the whole document").click()
    await expect(grace.page.locator("mark#mark")).to_be_in_viewport()
    await grace.check("document")
    await grace.page.fill("#page", "42")
    await grace.page.press("#page", "Enter")
    await expect(grace.page.locator("#place")).to_have_text("Hydraulics")

    # What is searched for is found by its words; what nobody wrote of is not.
    await grace.open("/documents/")
    await grace.page.fill("#search", "how fast is the hydraulic pump")
    await grace.page.press("#search", "Enter")
    await expect(grace.page.locator(".passage-excerpt mark", has_text="pump").first).to_be_visible()
    await grace.check("search")
    await grace.open("/search/documents/?q=zzqqx&kind=pdf")
    await expect(grace.page.get_by_role("heading", name="Nothing found")).to_be_visible()


def write_docx_note(path: Path) -> Path:
    return write_docx(path, [("Heading 1", "Spare parts"), "The spare pump is kept in hall three."])


async def test_what_is_written_without_a_connection_is_sent_once_when_it_is_back(visit, general):
    ada, grace = await visit("ada"), await visit("grace")
    await ada.open_room(general)
    await grace.open_room(general)

    await grace.page.context.set_offline(True)
    await grace.page.evaluate("() => dispatchEvent(new Event('offline'))")
    await expect(grace.page.locator("#connection")).to_contain_text("offline")
    await grace.say("written on a train")
    await expect(grace.page.locator(".message.pending")).to_have_count(1)
    await grace.check("room-offline")
    await ada.say("meanwhile")
    await asyncio.sleep(0.3)
    await grace.page.context.set_offline(False)

    for visitor in (ada, grace):
        await expect(visitor.page.locator(".message", has_text="written on a train")).to_have_count(1)
        await expect(visitor.page.locator(".message", has_text="meanwhile")).to_have_count(1)
    await expect(grace.page.locator(".message.pending")).to_have_count(0)
    await expect(grace.page.locator("#connection")).to_be_hidden()
    grace.problems.clear()  # the browser complains of each attempt to connect


async def test_what_happens_in_other_rooms_is_counted_and_reading_clears_it(visit, people, general):
    other = await sync_to_async(actions.create_room)(people["ada"], name="release")
    await sync_to_async(actions.join_room)(people["grace"], room_id=other.pk)
    ada, grace = await visit("ada"), await visit("grace")
    await ada.open_room(other)
    await grace.open_room(general)

    await ada.say("ready, @grace?")

    count = grace.page.locator(f"[data-room='{other.pk}'] .count-number")
    await expect(count).to_have_text("1")
    await expect(grace.page.locator(f"[data-room='{other.pk}'] .count")).to_have_class("count mentioned")
    await grace.page.click(f"[data-room='{other.pk}']")
    await expect(count).to_be_hidden()


async def test_reading_on_another_device_clears_the_count(visit, people, general):
    other = await sync_to_async(actions.create_room)(people["ada"], name="release")
    await sync_to_async(actions.join_room)(people["grace"], room_id=other.pk)
    grace = await visit("grace")
    await grace.open_room(general)
    await sync_to_async(actions.post_message)(people["ada"], room_id=other.pk, text="ready")
    count = grace.page.locator(f"[data-room='{other.pk}'] .count-number")
    await expect(count).to_have_text("1")

    phone = await visit("grace")
    await phone.open_room(other)
    await phone.page.bring_to_front()

    await expect(count).to_be_hidden()  # many changes at once are told of less often


async def test_names_are_completed_by_keyboard(visit, general):
    ada = await visit("ada")
    await ada.open_room(general)

    await ada.page.type("#text", "hello @gr")
    await expect(ada.page.get_by_role("option")).to_have_count(1)
    await ada.check("room-completion")
    await ada.page.press("#text", "Enter")

    await expect(ada.page.locator("#text")).to_have_value("hello @grace ")
    await expect(ada.page.locator(".message.kind-person")).to_have_count(0)


async def test_ones_own_message_is_edited_and_deleted_in_place(visit, general):
    ada, grace = await visit("ada"), await visit("grace")
    await ada.open_room(general)
    await grace.open_room(general)
    await ada.say("helo")
    message = ada.page.locator(".message.kind-person[data-id]:not([data-id=''])")

    await message.hover()
    await message.locator(".edit").click()
    await ada.page.fill(".message-edit textarea", "hello there")
    await ada.check("room-edit")
    await ada.page.press(".message-edit textarea", "Enter")
    await expect(grace.page.get_by_text("hello there")).to_be_visible()
    await expect(grace.page.locator(".edited")).to_be_visible()

    await message.hover()
    await message.locator(".edit").click()
    await ada.page.get_by_role("button", name="Delete").click()
    await expect(grace.page.get_by_text("This message was deleted.")).to_be_visible()


async def test_reading_and_posting_work_without_javascript(visit, general):
    ada = await visit("ada", java_script_enabled=False)
    await ada.open(f"/rooms/{general.pk}/")

    await ada.page.fill("#text", "by form alone")
    await ada.page.click("#composer [type=submit]")

    await expect(ada.page.get_by_text("by form alone")).to_be_visible()


async def test_an_upload_that_cannot_be_read_says_why(visit, general, tmp_path):
    picture = tmp_path / "photo.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    ada = await visit("ada")
    await ada.open_room(general)

    await ada.page.set_input_files("#attach-input", picture)

    await expect(ada.page.locator("#uploads .status-refused")).to_contain_text("can be read")
    await ada.check("room-refused")
    ada.problems.clear()  # the browser notes the refusal in its console
    await ada.page.get_by_role("button", name="Dismiss").click()
    await expect(ada.page.locator("#uploads")).to_be_hidden()
