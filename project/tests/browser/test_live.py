"""The admin's live page: figures that move, on every screen, and what it says when they do not."""

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import expect

from chat.models import User
from project.tests.browser.conftest import DESKTOP, PHONE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio(loop_scope="session")]


async def open_live(visitor) -> None:
    await visitor.sign_in("ada")
    await visitor.open("/admin/")
    await visitor.page.get_by_role("link", name="Live figures").click()
    await visitor.page.wait_for_selector(".live[data-state=live]")


@pytest.mark.parametrize(
    ("viewport", "scheme"), [(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light"), (PHONE, "dark")]
)
async def test_the_live_page_is_accessible_and_fits(visit, people, viewport, scheme):
    name = f"{viewport['width']}-{scheme}"
    visitor = await visit(viewport=viewport, color_scheme=scheme)
    await open_live(visitor)

    lines = visitor.page.locator('.live-spark polyline[points*=" "]')
    await expect(lines.nth(5)).to_be_attached()  # two samples or more
    await visitor.check(f"live-{name}")

    width = await visitor.page.evaluate("() => document.documentElement.scrollWidth")
    assert width <= viewport["width"]


async def test_the_figures_follow_what_people_do(visit, people, general):
    ada = await visit()
    await open_live(ada)
    users = ada.page.locator("[data-total=usersOnline]")
    await expect(users).to_have_text("0")

    grace = await visit("grace")
    await grace.open_room(general)
    for n in range(5):
        await grace.say(f"number {n}")

    await expect(users).to_have_text("1")
    rate = ada.page.locator("[data-total=messagesPostedPerS]")
    await expect(rate).not_to_have_text("0.0")
    row = ada.page.locator("#live-processes tr")
    await expect(row).to_have_count(1)
    await expect(row.locator("[data-figure=websockets]")).to_have_text("2")
    await expect(ada.page.locator("[data-service=database]")).to_contain_text("up,")
    await expect(ada.page.locator("#live-jobs tr")).to_have_count(2)


async def test_a_server_that_is_gone_is_said_to_be_and_comes_back(visit, people, start_parley_server):
    server = await sync_to_async(start_parley_server)()
    visitor = await visit()
    visitor.base_url = server.url
    await open_live(visitor)

    await sync_to_async(server.kill)()
    await expect(visitor.page.get_by_role("status")).to_have_text("The connection is lost; trying again.")

    await sync_to_async(start_parley_server)(port=int(server.url.rpartition(":")[2]))
    await expect(visitor.page.get_by_role("status")).to_have_text("Live.")
    visitor.problems.clear()  # the browser notes that it could not connect


async def test_who_is_no_admin_any_more_sees_no_more(visit, people):
    visitor = await visit()
    await open_live(visitor)

    await User.objects.filter(pk=people["ada"].pk).aupdate(is_staff=False, is_superuser=False)

    await expect(visitor.page.get_by_role("status")).to_contain_text("may not watch")


async def test_the_live_page_is_for_the_admins_only(visit, people):
    visitor = await visit("grace")
    await visitor.open("/admin/live/")

    await expect(visitor.page.locator(".live")).to_have_count(0)
    await expect(visitor.page.locator("#login-form")).to_be_visible()
