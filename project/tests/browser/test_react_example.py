"""The React example, built by Vite and served by its preview server, which hands Parley's addresses on."""

import http.client
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from playwright.async_api import expect
from rest_framework_simplejwt.tokens import RefreshToken

from chat import actions
from chat.access.tokens import SignInSerializer
from chat.models import Message
from chat.tests.waiting import eventually
from project.tests.browser.conftest import PASSWORD
from project.tests.programs import REACT_EXAMPLE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture
def parley(start_parley_server):
    return start_parley_server()


@pytest.fixture
def example_url(parley, node_path, built_react_example) -> Iterator[str]:
    """The address of the example's page."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    vite = REACT_EXAMPLE / "node_modules" / "vite" / "bin" / "vite.js"
    options = ["--outDir", built_react_example, "--host", "127.0.0.1", "--port", str(port), "--strictPort"]
    process = subprocess.Popen(
        [node_path, vite, "preview", *options, "--logLevel", "silent"],
        cwd=REACT_EXAMPLE,
        env={**os.environ, "PARLEY_URL": parley.url},
    )
    try:
        _wait_until_answering(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait_until_answering(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None and time.monotonic() < deadline, "the preview server did not start"
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            client.request("GET", "/")
            assert client.getresponse().status == 200
            return
        except OSError:
            time.sleep(0.05)
        finally:
            client.close()


@pytest_asyncio.fixture(loop_scope="session")
async def open_example(browser, example_url, general):
    """A function that signs somebody in to the example and waits until the room is joined."""

    async def sign_in(username: str, *, before=None):
        page = await (await browser.new_context()).new_page()
        if before is not None:
            await before(page)
        await page.goto(example_url)
        await page.get_by_label("User name").fill(username)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("status")).to_have_text("Connected")
        await expect(page.locator("section[data-joined=true]")).to_be_visible()
        return page

    return sign_in


async def say(page, text: str) -> None:
    await page.get_by_label("Message", exact=True).fill(text)
    await page.get_by_role("button", name="Send").click()


def texts(page):
    return page.get_by_role("log").locator(".person .text")


async def test_two_people_talk_and_edits_are_seen(open_example, people, general):
    await sync_to_async(actions.post_message)(people["ada"], room_id=general.pk, text="from before")
    ada, grace = await open_example("ada"), await open_example("grace")
    for page in (ada, grace):
        await expect(texts(page)).to_have_text(["from before"])

    await say(ada, "hello Grace")
    await expect(texts(grace)).to_have_text(["from before", "hello Grace"])
    await say(grace, "hello Ada")

    for page in (ada, grace):
        await expect(texts(page)).to_have_text(["from before", "hello Grace", "hello Ada"])
    message = await Message.objects.aget(text="hello Grace")
    await sync_to_async(actions.edit_message)(people["ada"], message_id=message.pk, text="hello, Grace!")
    await expect(texts(grace)).to_have_text(["from before", "hello, Grace!", "hello Ada"])
    assert await Message.objects.filter(kind="person").acount() == 3


async def test_a_killed_server_costs_and_doubles_nothing(
    open_example, people, general, parley, start_parley_server
):
    ada, grace = await open_example("ada"), await open_example("grace")
    await say(ada, "before")
    await expect(texts(grace)).to_have_text(["before"])

    await sync_to_async(parley.kill)()
    for page in (ada, grace):
        await expect(page.get_by_role("status")).to_have_text("Connection lost, trying again…")
    await say(ada, "while away, one")
    await say(ada, "while away, two")
    await expect(ada.locator(".pending")).to_have_count(2)
    await sync_to_async(actions.post_message)(people["grace"], room_id=general.pk, text="missed")
    await sync_to_async(start_parley_server)(port=int(parley.url.rpartition(":")[2]))

    expected = ["before", "missed", "while away, one", "while away, two"]
    for page in (ada, grace):
        await expect(page.get_by_role("status")).to_have_text("Connected")
        await expect(texts(page)).to_have_text(expected)
    await expect(ada.locator(".pending")).to_have_count(0)
    assert await Message.objects.filter(kind="person").acount() == 4


async def test_a_message_whose_acknowledgement_was_lost_is_stored_once(
    open_example, parley, start_parley_server, general
):
    """The server stores it, and is killed before its answer gets through."""
    sent: list[str] = []
    upgraded: list[str] = []

    async def keep_acks_away(page):
        def connected(ws):
            server = ws.connect_to_server()

            def from_client(frame):
                if "send-message" in frame:
                    sent.append(frame)
                elif frame == "5":
                    upgraded.append(frame)
                server.send(frame)

            def from_server(frame):
                if not (frame.startswith("43") and len(sent) == 1):
                    ws.send(frame)

            ws.on_message(from_client)
            server.on_message(from_server)

        await page.route_web_socket("**/socket.io/**", connected)

    page = await open_example("ada", before=keep_acks_away)
    await eventually(lambda: upgraded)
    await say(page, "once")
    await expect(texts(page)).to_have_text(["once"])  # by its event; the answer does not come
    await sync_to_async(parley.kill)()
    await sync_to_async(start_parley_server)(port=int(parley.url.rpartition(":")[2]))

    await expect(page.get_by_role("status")).to_have_text("Connected")
    await eventually(lambda: len(sent) >= 2)
    await expect(texts(page)).to_have_text(["once"])
    assert await Message.objects.filter(kind="person").acount() == 1


async def test_a_token_is_renewed_on_the_live_connection(open_example, people):
    """It falls due a minute before the token's end."""
    frames: list[str] = []

    async def sign_in_briefly(page):
        def note(frame):
            frames.append(frame if isinstance(frame, str) else "")

        def connected(ws):
            ws.on("framesent", note)
            ws.on("framereceived", note)
            ws.on("close", lambda _: note("closed"))

        page.on("websocket", connected)
        refresh = await sync_to_async(SignInSerializer.get_token)(people["ada"])
        assert isinstance(refresh, RefreshToken)
        access = refresh.access_token
        access.set_exp(lifetime=timedelta(seconds=75))
        answer = {"access": str(access), "refresh": str(refresh)}
        await page.route("**/api/token/", lambda route: route.fulfill(json=answer))

    page = await open_example("ada", before=sign_in_briefly)

    def renewed() -> bool:
        asked = [frame for frame in frames if '"renew-token"' in frame]
        return bool(asked) and f'43{asked[0][2 : asked[0].index("[")]}[{{"ok":true}}]' in frames

    await eventually(renewed)
    assert "closed" not in frames
    await expect(page.get_by_role("status")).to_have_text("Connected")


async def test_a_wrong_password_and_a_revoked_sign_in_are_told(open_example, browser, example_url, people):
    page = await (await browser.new_context()).new_page()
    await page.goto(example_url)
    await page.get_by_label("User name").fill("ada")
    await page.get_by_label("Password").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).not_to_be_empty()

    page = await open_example("ada")
    await sync_to_async(actions.end_all_sign_ins)([people["ada"].pk])

    await expect(page.locator("[data-state=refused]")).to_be_visible()
