"""Every page, on a desktop and a phone, light and dark: axe-core finds nothing, nothing is wider than the screen."""

import pytest

from chat import actions
from project.tests.browser.conftest import DESKTOP, PHONE

CODE = "Here:\n\n```python\ndef main() -> int:\n    return 0  # ok\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> `code`"
LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitän" * 6
NARROWEST = {"width": 360, "height": 640}

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture
def lively(people, general):
    """A room with what is hard to lay out."""
    for text in (CODE, LONG_WORD, "hello @ada", "https://example.org/" + "a" * 300):
        actions.post_message(people["grace"], room_id=general.pk, text=text)
    actions.create_room(
        people["ada"], name="a room whose name is as long as a name may be, which is eighty " + "x" * 16
    )
    actions.open_direct_room(people["ada"], other_id=people["grace"].pk)
    return general


@pytest.mark.parametrize(
    ("viewport", "scheme"),
    [(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light"), (PHONE, "dark"), (NARROWEST, "light")],
)
async def test_pages_are_accessible_and_fit(visit, lively, viewport, scheme):
    name = f"{viewport['width']}-{scheme}"
    visitor = await visit(viewport=viewport, color_scheme=scheme)
    await visitor.open("/sign-in/")
    await visitor.check(f"sign-in-{name}")
    await visitor.sign_in("ada")
    await visitor.open_room(lively)
    await visitor.check(f"room-{name}")
    await visitor.page.click("[href$='/members/'][data-pane]")
    await visitor.page.wait_for_selector("#pane .people-list")
    await visitor.check(f"members-{name}")

    for path in (
        "rooms/",
        "people/",
        "account/",
        "documents/",
        "search/?q=hello",
        "search/documents/?q=hello&kind=pdf",
        f"rooms/{lively.pk}/files/",
        f"rooms/{lively.pk}/members/",
    ):
        await visitor.open(f"/{path}")
        await visitor.check(f"{path.partition('?')[0].strip('/').replace('/', '-')}-{name}")
        width = await visitor.page.evaluate("() => document.documentElement.scrollWidth")
        assert width <= viewport["width"], path

    await visitor.open("/nothing/")
    await visitor.check(f"not-found-{name}")
    visitor.problems.clear()  # the browser notes the 404
