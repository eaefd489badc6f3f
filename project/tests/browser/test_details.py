"""What a page does when something is slow, long, refused or in the way."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import expect

from chat import actions
from project.tests.browser.conftest import PHONE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio(loop_scope="session")]

# An outbox whose server fails over the text "bad" and takes everything else; gives what was sent and what was given up.
FAILING_OUTBOX = """async () => {
  const { Outbox } = await import("/static/chat/outbox.js");
  const sent = [];
  const refusal = { ok: false, error: { code: "INTERNAL", message: "No.", retryAfter: 0 } };
  const socket = { connected: true, request: async (name, roomId, { text }) => {
    sent.push(text);
    return text === "bad" ? refusal : { ok: true, message: {} };
  } };
  const outbox = new Outbox(socket, "tester");
  outbox.add("1", "bad");
  outbox.add("1", "good");
  for (let n = 0; n < 600 && sent.length < 4; n += 1) await new Promise((resolve) => setTimeout(resolve, 50));
  await new Promise((resolve) => setTimeout(resolve, 200));
  const left = outbox.entries();
  localStorage.removeItem("parley.outbox.tester");
  return [sent, left.map(({ text, problem }) => [text, problem])];
}"""

# A room list whose first request to join is put off, and joined a moment later.
DEFERRED_JOIN = """async () => {
  const { Sidebar } = await import("/static/chat/sidebar.js");
  const asked = [];
  const handlers = {};
  const refusal = { ok: false, error: { code: "RATE_LIMITED", message: "Wait.", retryAfter: 0.1 } };
  const request = async (name, roomId) => (asked.push(roomId) === 1 ? refusal : { ok: true });
  const socket = { connected: true, on: (name, handler) => (handlers[name] = handler), request };
  new Sidebar(document.getElementById("sidebar"), socket, { id: "0", username: "nobody" }, "/rooms/sidebar/");
  handlers.state("connected");
  for (let n = 0; n < 600 && asked.length < 2; n += 1) await new Promise((resolve) => setTimeout(resolve, 50));
  await new Promise((resolve) => setTimeout(resolve, 200));
  return asked.length;
}"""


async def test_back_closes_the_pane_and_the_page_asked_for_last_is_shown(visit, general):
    ada = await visit("ada", viewport=PHONE)
    await ada.open_room(general)
    pane, address = ada.page.locator("#pane"), ada.page.url

    async def be_slow(route):
        await asyncio.sleep(1)
        await route.continue_()

    await ada.page.route("**/files/", be_slow)
    await ada.page.evaluate(
        "() => ['files', 'members'].forEach((p) => document.querySelector(`[href$='/${p}/'][data-pane]`).click())"
    )
    await expect(pane.locator(".people-list")).to_be_visible()
    await asyncio.sleep(1.3)
    await expect(pane.locator(".people-list")).to_be_visible()

    await ada.page.go_back()
    await expect(pane).to_be_hidden()
    assert ada.page.url == address
    await ada.page.go_forward()
    await expect(pane.locator(".people-list")).to_be_visible()
    await ada.page.click("#pane-close")
    await expect(pane).to_be_hidden()
    await expect(ada.page.locator("#room[data-connection=connected]")).to_be_visible()


async def test_a_text_that_is_too_long_is_kept_and_told(visit, general):
    ada = await visit("ada")
    await ada.open_room(general)

    await ada.page.fill("#text", "x" * 30_000)
    await ada.page.press("#text", "Enter")

    await expect(ada.page.locator("#text-length")).to_contain_text("10,000 too many")
    assert len(await ada.page.input_value("#text")) == 30_000
    await expect(ada.page.locator(".kind-person")).to_have_count(0)
    await ada.check("room-too-long")
    await ada.page.fill("#text", "short")
    await expect(ada.page.locator("#text-length")).to_be_empty()


async def test_a_message_over_which_the_server_fails_is_given_up_and_holds_up_no_other(visit, general):
    ada = await visit("ada")
    await ada.open_room(general)

    sent, left = await ada.page.evaluate(FAILING_OUTBOX)

    assert sent == ["bad", "bad", "bad", "good"]
    assert left == [["bad", "No."]]


async def test_a_room_whose_feed_was_refused_for_now_is_asked_for_again(visit, general):
    ada = await visit("ada")
    await ada.open_room(general)

    assert await ada.page.evaluate(DEFERRED_JOIN) == 2


async def test_what_waits_says_so_and_the_uploads_fit(visit, general, tmp_path):
    ada = await visit("ada", viewport=PHONE)
    await ada.open_room(general)
    files = [tmp_path / f"photo-{n}.png" for n in range(4)]
    for file in files:
        file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))

    await ada.page.set_input_files("#attach-input", files)

    await expect(ada.page.locator("#uploads .dismiss")).to_have_count(4)
    rows = "() => [...document.querySelectorAll('#uploads .document-row')].map((r) => r.scrollHeight - r.clientHeight)"
    assert await ada.page.evaluate(rows) == [0, 0, 0, 0]
    await ada.check("uploads-390")
    ada.problems.clear()
    for _ in files:
        await ada.page.locator("#uploads .dismiss").first.click()

    await ada.page.context.set_offline(True)
    await ada.page.evaluate("() => dispatchEvent(new Event('offline'))")
    await ada.say("from a tunnel")
    await expect(ada.page.get_by_text("Waiting to be sent")).to_be_visible()
    await ada.check("room-waiting-390")
    await ada.page.close()
    ada.problems.clear()  # the browser complains of each attempt to connect


async def test_what_was_seen_counts_as_read_however_soon_the_page_goes(visit, people, general):
    for number in range(3):
        await sync_to_async(actions.post_message)(people["ada"], room_id=general.pk, text=f"news {number}")
    grace = await visit("grace")
    await grace.open_room(general)

    await grace.open("/people/")  # may have been made before the room's page told what was seen
    await asyncio.sleep(1)
    await grace.page.reload()

    await expect(grace.page.locator(f"[data-room='{general.pk}']")).to_have_attribute("data-unread", "0")


async def test_opening_a_room_further_up_clears_its_badge_all_the_same(visit, people, general):
    for number in range(40):
        latest = await sync_to_async(actions.post_message)(
            people["ada"], room_id=general.pk, text=f"news {number}\n\nand more of them"
        )
    grace = await visit("grace")

    await grace.open(f"/rooms/{general.pk}/#message-{latest.pk - 39}")

    badge = grace.page.locator(f"[data-room='{general.pk}']")
    await expect(badge).to_have_attribute("data-unread", "0")
    assert await grace.page.evaluate("() => document.getElementById('log').scrollTop") < -500


async def test_a_room_that_is_lost_says_so(visit, people, general):
    grace = await visit("grace")
    lab = await sync_to_async(actions.create_room)(people["ada"], name="lab", kind="private")
    await sync_to_async(actions.add_member)(people["ada"], room_id=lab.pk, user_id=people["grace"].pk)
    await grace.open_room(lab)

    await sync_to_async(actions.remove_member)(people["ada"], room_id=lab.pk, user_id=people["grace"].pk)

    await expect(grace.page.locator("#connection")).to_contain_text("not open to you any more")
    await expect(grace.page.locator(f"[data-room='{lab.pk}']")).to_have_count(0)


async def test_a_room_that_was_lost_before_its_page_was_live_says_so(visit, people, general):
    grace = await visit("grace")
    lab = await sync_to_async(actions.create_room)(people["ada"], name="lab", kind="private")
    await sync_to_async(actions.add_member)(people["ada"], room_id=lab.pk, user_id=people["grace"].pk)

    async def remove_first(route) -> None:
        await sync_to_async(actions.remove_member)(people["ada"], room_id=lab.pk, user_id=people["grace"].pk)
        await route.continue_()

    await grace.page.route("**/static/chat/room.js", remove_first)
    await grace.open_room(lab)

    await expect(grace.page.locator("#connection")).to_contain_text("not open to you any more")
