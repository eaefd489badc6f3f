"""An invitation's link in the browser: the form, its refusals, and the room behind it."""

import pytest
from playwright.async_api import expect

from chat.actions import create_invitation
from chat.database import run_in_db
from project.tests.browser.conftest import DESKTOP, PASSWORD, PHONE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize(
    ("viewport", "scheme"), [(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light"), (PHONE, "dark")]
)
async def test_who_is_invited_comes_into_the_room(visit, people, general, viewport, scheme):
    made = await run_in_db(create_invitation, people["ada"], room_ids=[general.pk])
    name = f"{viewport['width']}-{scheme}"
    visitor = await visit(viewport=viewport, color_scheme=scheme)
    page = visitor.page

    await visitor.open(f"/join/{made.token}/")
    await visitor.check(f"join-{name}")
    await page.get_by_label("Username").fill("ada")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_label("Password again").fill(PASSWORD)
    await page.get_by_role("button", name="Make my account").click()
    await expect(page.get_by_text("This is taken.")).to_be_visible()
    visitor.problems.clear()  # the browser notes the 400
    await visitor.check(f"join-refused-{name}")
    assert await page.evaluate("() => document.documentElement.scrollWidth") <= viewport["width"]

    await page.get_by_label("Username").fill("linus")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_label("Password again").fill(PASSWORD)
    await page.get_by_role("button", name="Make my account").click()

    await expect(page).to_have_url(f"{visitor.base_url}/rooms/{general.pk}/")
    other = await visit(viewport=viewport, color_scheme=scheme)
    await other.open(f"/join/{made.token}/")
    other.problems.clear()  # the browser notes the 404
    await expect(other.page.get_by_text("Ask for another one")).to_be_visible()
    await other.check(f"join-used-up-{name}")
