"""Files of messages in the browser: seen live by others, images as images, everything else as downloads."""

import base64
import re

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import expect

from chat import actions
from project.tests.browser.conftest import DESKTOP, PHONE
from rag.actions import create_collection
from rag.models import Document

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio(loop_scope="session")]
DOT_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
# A client in the page, with the page's session: it uploads two files and posts them with one message.
POST_FILES = """async (roomId) => {
  const ask = async (query, variables, file) => {
    const form = new FormData();
    form.append("operations", JSON.stringify({ query, variables }));
    form.append("map", JSON.stringify(file ? { 0: ["variables.input.file"] } : {}));
    if (file) form.append("0", file);
    const answer = await (await fetch("/graphql", { method: "POST", body: form })).json();
    if (answer.errors) throw new Error(JSON.stringify(answer.errors));
    return answer.data;
  };
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [640, 360];
  const pen = canvas.getContext("2d");
  pen.fillStyle = "teal";
  pen.fillRect(0, 0, 640, 360);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
  const files = [new File([blob], "a plan of the harbour.png"), new File(["x".repeat(2600)], "tides.csv")];
  const attachmentIds = [];
  for (const file of files) {
    const upload = `mutation($input: UploadAttachmentInput!) { uploadAttachment(input: $input) { id } }`;
    attachmentIds.push((await ask(upload, { input: { roomId, file: null } }, file)).uploadAttachment.id);
  }
  const send = `mutation($input: SendMessageInput!) { sendMessage(input: $input) { id } }`;
  return (await ask(send, { input: { roomId, text: "For tomorrow", attachmentIds } })).sendMessage.id;
}"""


async def test_files_are_chosen_in_the_composer_and_sent_with_the_message(visit, general, tmp_path):
    ada, grace = await visit("ada"), await visit("grace", viewport=PHONE)
    await ada.open_room(general)
    await grace.open_room(general)
    for name in ("minutes.txt", "wrong.txt", "empty.txt"):
        (tmp_path / name).write_text("" if name == "empty.txt" else f"The {name}.")
    (tmp_path / "dot.png").write_bytes(base64.b64decode(DOT_PNG))
    waiting = grace.page.get_by_role("list", name="Files of your message")

    chosen = [tmp_path / name for name in ("minutes.txt", "wrong.txt", "dot.png")]
    await grace.page.set_input_files("#files-input", chosen)
    await expect(waiting.get_by_role("listitem")).to_have_count(3)
    await expect(waiting.locator("[aria-busy]")).to_have_count(0)
    image = waiting.locator("img")  # of dot.png alone, as the server has it
    assert await image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1
    await grace.check("composer-files-390-light")
    await grace.page.get_by_role("button", name="Remove wrong.txt").click()
    await grace.page.get_by_role("button", name="Remove dot.png").click()
    await grace.page.set_input_files("#files-input", [tmp_path / "empty.txt"])
    await expect(grace.page.get_by_text("empty.txt: This file is empty.")).to_be_visible()
    await grace.page.get_by_role("button", name="Send").click()  # files need no words

    await expect(waiting).to_be_hidden()
    sent = ada.page.locator(".message .files").get_by_role("link")
    await expect(sent).to_have_count(1)
    await expect(sent).to_contain_text("minutes.txt")
    await expect(grace.page.locator(".message.own .files").get_by_role("link")).to_have_count(1)


async def test_who_writes_below_earlier_messages_is_led_to_the_latest(visit, people, general, tmp_path):
    old, newest = [
        await sync_to_async(actions.post_message)(people["ada"], room_id=general.pk, text=text)
        for text in ("long ago", "just now")
    ]
    (tmp_path / "minutes.txt").write_text("The minutes.")
    grace = await visit("grace")
    await grace.open(f"/rooms/{general.pk}/?before={newest.posted_version}")
    await expect(grace.page.get_by_text("These are earlier messages.")).to_be_visible()

    await grace.page.set_input_files("#files-input", [tmp_path / "minutes.txt"])
    await expect(grace.page.locator("#composer-files [aria-busy]")).to_have_count(0)
    await grace.say("about long ago")

    await expect(grace.page).to_have_url(f"{grace.base_url}/rooms/{general.pk}/")
    for message in (old, newest):
        await expect(grace.page.locator(f"#message-{message.pk}")).to_be_visible()
    written = grace.page.locator(".message.own", has_text="about long ago")
    await expect(written).to_have_count(1)
    await expect(written.locator(".files").get_by_role("link")).to_contain_text("minutes.txt")


@pytest.mark.parametrize(("viewport", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
async def test_files_are_seen_live_and_after_loading_alike(visit, general, viewport, scheme):
    grace = await visit("grace")
    ada = await visit("ada", viewport=viewport, color_scheme=scheme)
    await ada.open_room(general)

    await grace.open("/account/")
    message_id = await grace.page.evaluate(POST_FILES, str(general.pk))

    for step in ("live", "loaded"):
        message = ada.page.locator(f"#message-{message_id}")
        image = message.get_by_role("link", name="a plan of the harbour.png")
        await expect(image.locator("img")).to_be_visible()
        assert (
            await image.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)")
            == 640
        )
        other = message.get_by_role("link", name="tides.csv")
        await expect(other).to_have_text("tides.csv3 KB")
        await expect(other.locator("img")).to_have_count(0)
        await ada.check(f"files-{step}-{viewport['width']}-{scheme}")
        if step == "live":
            async with ada.page.expect_download() as download:
                await other.click()
            assert (await download.value).suggested_filename == "tides.csv"
            await ada.page.reload()


async def test_a_folder_is_uploaded_file_by_file_and_tells_what_it_left_out(visit, people, tmp_path):
    folder = tmp_path / "guides"
    left_out = (".git/config", "north/.DS_Store", "tool.exe", "empty.md")
    for path in ("leave.md", "north/site.md", "south/site.md", *left_out):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("" if path == "empty.md" else f"# {path}\n\nWords of {path}.")
    await sync_to_async(create_collection)(people["ada"], name="Guides")
    ada = await visit("ada")
    await ada.open("/documents/")

    async with ada.page.expect_file_chooser() as choosing:
        await ada.page.get_by_role("button", name="Choose a folder").click()
    await (await choosing.value).set_files(folder)

    uploads = ada.page.locator("#uploads")
    await expect(uploads.locator(".upload-batch")).to_contain_text("3 of 3 files sent; 4 left out")
    await expect(uploads.locator(".upload-batch")).to_contain_text("guides/empty.md (empty)")
    await expect(uploads.locator(".document-row")).to_have_count(3)
    await expect(uploads.locator(".document-meta")).to_have_text(
        [f"guides/{path}" for path in ("leave.md", "north/site.md", "south/site.md")]
    )
    await ada.check("documents-folder-1280")
    sources = await sync_to_async(lambda: sorted(Document.objects.values_list("source", flat=True)))()
    assert sources == ["guides/leave.md", "guides/north/site.md", "guides/south/site.md"]


async def test_an_upload_that_failed_can_be_sent_again(visit, people, tmp_path):
    (tmp_path / "notes.md").write_text("# Notes\n\nSome words.")
    await sync_to_async(create_collection)(people["ada"], name="Notes")
    ada = await visit("ada")
    await ada.open("/documents/")
    await ada.page.route("**/documents/", lambda route: route.abort())
    await ada.page.set_input_files("#upload-file", tmp_path / "notes.md")
    row = ada.page.locator("#uploads .document-row")
    await expect(row).to_contain_text("The connection broke")
    ada.problems.clear()  # the browser notes it in its console

    await ada.page.unroute("**/documents/")
    await row.get_by_role("button", name="Try again").click()
    await expect(row).not_to_contain_text("The connection broke")
    await expect(row).to_have_attribute("data-document", re.compile(r"\d+"))
