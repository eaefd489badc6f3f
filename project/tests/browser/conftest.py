"""Chromium over the running program: people who are signed in, and the checks of accessibility.

One browser and one web process serve all tests of this folder, which therefore run in one event loop: each has people
and rooms of its own, and each visitor cookies and storage of his own. A test that kills a server starts another.
"""

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import Client
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from chat import actions
from chat.models import Room, User
from project.tests.servers import run_server

PASSWORD = "a password of the browser tests"
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
expect.set_options(
    timeout=30_000
)  # bounds a wait; on a busy machine a page takes longer than the five seconds of old
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass
class Visitor:
    """Somebody at a browser. `problems` collects what the page's console complained about."""

    page: Page
    base_url: str
    screenshots: Path | None
    axe_source: str
    problems: list[str] = field(default_factory=list)

    async def open(self, path: str) -> None:
        await self.page.goto(self.base_url + path)

    async def open_room(self, room: Room) -> None:
        """Open a room and wait until it is live."""
        await self.open(f"/rooms/{room.pk}/")
        await self.page.wait_for_selector("#room[data-connection=connected]")

    async def be_signed_in(self, username: str) -> None:
        """Have a session, without the form."""
        cookie = await sync_to_async(_session_cookie)(username)
        await self.page.context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": self.base_url}]
        )

    async def sign_in(self, username: str) -> None:
        """Sign in by the form."""
        await self.open("/sign-in/")
        await self.page.fill("[name=username]", username)
        await self.page.fill("[name=password]", PASSWORD)
        await self.page.click("button[type=submit]")
        await self.page.wait_for_selector("#sidebar", state="attached")

    async def say(self, text: str) -> None:
        await self.page.fill("#text", text)
        await self.page.press("#text", "Enter")

    async def check(self, name: str) -> None:
        """Let axe-core look at the page; any violation fails."""
        await self.show(name)
        assert await self._violations() == [], name

    async def show(self, name: str) -> None:
        """Take a screenshot, if somebody wants to see it."""
        if self.screenshots:
            await self.page.screenshot(path=self.screenshots / f"{name}.png")

    async def _violations(self) -> list[Any]:
        # By the debugger, since the page's policy lets no foreign script in.
        session = await self.page.context.new_cdp_session(self.page)
        run = "JSON.stringify(r.violations.map(v => [v.id, v.nodes.map(n => n.html)]))"
        options = json.dumps({"runOnly": {"type": "tag", "values": _RULES}})
        expression = f"{self.axe_source}; axe.run({options}).then(r => {run})"
        answer = await session.send("Runtime.evaluate", {"expression": expression, "awaitPromise": True})
        await session.detach()
        return json.loads(answer["result"]["value"])


Visit = Callable[..., Awaitable[Visitor]]


def _session_cookie(username: str) -> str:
    client = Client()
    client.force_login(User.objects.get(username=username))
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.fixture(scope="session")
def screenshots() -> Path | None:
    """Where screenshots go: $SCREENSHOTS; without it none are taken."""
    chosen = os.environ.get("SCREENSHOTS")
    if not chosen:
        return None
    folder = Path(chosen)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(chromium_path: str) -> AsyncIterator[Browser]:
    """The browser of all tests."""
    async with async_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=arguments)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def browser(chromium: Browser) -> AsyncIterator[Browser]:
    """The browser; what a test opened in it is closed afterwards."""
    yield chromium
    for context in chromium.contexts:
        await context.close()


@pytest.fixture(scope="package")
def web_process(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of one web process for all files of this folder."""
    with run_server(tmp_path_factory.mktemp("web") / "web.log") as server:
        yield server.url


@pytest_asyncio.fixture(loop_scope="session")
async def visit(
    browser: Browser, parley_server: str, screenshots: Path | None, node_modules: Path
) -> AsyncIterator[Visit]:
    """A function that opens a browser of its own: `(username="", viewport=DESKTOP, **context options)`."""
    axe_source = (node_modules / "axe-core" / "axe.min.js").read_text()
    contexts: list[BrowserContext] = []
    visitors: list[Visitor] = []

    async def open_browser(
        username: str = "", *, viewport: dict[str, int] = DESKTOP, **options: Any
    ) -> Visitor:
        context = await browser.new_context(viewport=viewport, **options)  # type: ignore[arg-type]
        contexts.append(context)
        visitor = Visitor(await context.new_page(), parley_server, screenshots, axe_source)
        visitors.append(visitor)
        visitor.page.on("pageerror", lambda error: visitor.problems.append(str(error)))
        visitor.page.on(
            "console", lambda line: visitor.problems.append(line.text) if line.type == "error" else None
        )
        if username:
            await visitor.be_signed_in(username)
        return visitor

    yield open_browser
    for context in contexts:
        await context.close()
    for visitor in visitors:
        assert visitor.problems == []


@pytest.fixture
def people(transactional_db: None) -> Iterator[dict[str, User]]:
    """Ada (admin) and Grace, with the assistant."""
    ada = User.objects.create_superuser("ada", password=PASSWORD, display_name="Ada Lovelace")
    grace = User.objects.create_user("grace", password=PASSWORD, display_name="Grace Hopper")
    parley = actions.create_bot(username="parley", display_name="Parley", task="rag.answer")
    yield {"ada": ada, "grace": grace, "parley": parley}


@pytest.fixture
def general(people: dict[str, User]) -> Room:
    room = actions.create_room(people["ada"], name="general", topic="Everything and everybody")
    actions.join_room(people["grace"], room_id=room.pk)
    return room
