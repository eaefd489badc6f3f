"""Reactions in the browser: by clicks, keys and forms; seen live by others; apart from what else a message shows."""

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import expect

from chat import actions
from project.tests.browser.conftest import DESKTOP, PHONE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture
def message(people, general):
    return actions.post_message(people["ada"], room_id=general.pk, text="Shall we meet at noon?")


def chip(visitor, emoji: str):
    return visitor.page.locator(f".reaction[value='{emoji}']")


async def test_a_reaction_is_seen_live_and_toggled_by_both(visit, general, message):
    ada, grace = await visit("ada"), await visit("grace")
    await ada.open_room(general)
    await grace.open_room(general)
    row = ada.page.locator(f"#message-{message.pk}")

    await row.hover()
    await row.locator(".message-tools .add-reaction").click()
    await expect(ada.page.locator("#reaction-picker")).to_be_visible()
    await ada.check("reaction-picker")
    await ada.page.get_by_role("button", name="Celebrate").click()

    seen = chip(grace, "🎉")
    await expect(seen).to_have_text("🎉1")
    await expect(seen).to_have_attribute("aria-pressed", "false")
    await expect(seen).to_have_attribute("title", "Ada Lovelace")
    await expect(chip(ada, "🎉")).to_have_attribute("aria-pressed", "true")

    await seen.click()
    await expect(chip(ada, "🎉")).to_have_attribute("aria-label", "🎉 2: You and Grace Hopper")
    await expect(seen).to_have_attribute("aria-pressed", "true")
    await chip(ada, "🎉").click()
    await expect(seen).to_have_attribute("aria-label", "🎉 1: You")
    await grace.page.reload()
    await expect(seen).to_have_attribute("aria-label", "🎉 1: You")
    await seen.click()
    await expect(chip(ada, "🎉")).to_have_count(0)


async def test_the_picker_is_used_by_keys_and_gives_the_focus_back(visit, general, message):
    ada = await visit("ada")
    await ada.open_room(general)
    link = ada.page.locator(f"#message-{message.pk} .message-tools .add-reaction")

    async def focused() -> str:
        return await ada.page.evaluate("() => document.activeElement.ariaLabel")

    await link.focus()
    await link.press("Enter")
    assert await focused() == "Thumbs up"
    for key, name in (
        ("ArrowRight", "Thumbs down"),
        ("ArrowDown", "Done"),
        ("ArrowUp", "Thumbs down"),
        ("ArrowLeft", "Thumbs up"),
        ("ArrowLeft", "Thumbs up"),
        ("ArrowDown", "Looking into it"),
        ("Home", "Thumbs up"),
    ):
        await ada.page.keyboard.press(key)
        assert await focused() == name
    await ada.page.keyboard.press("End")
    assert (
        await ada.page.evaluate("() => document.activeElement.pathname") == f"/messages/{message.pk}/react/"
    )
    await ada.page.keyboard.press("Escape")
    await expect(ada.page.locator("#reaction-picker")).to_be_hidden()
    await expect(link).to_be_focused()

    await link.press("Enter")
    await ada.page.keyboard.press("Enter")
    await expect(chip(ada, "👍")).to_have_attribute("aria-pressed", "true")
    await chip(ada, "👍").focus()
    await ada.page.keyboard.press("Enter")
    await expect(chip(ada, "👍")).to_have_count(0)
    await expect(link).to_be_focused()


async def test_a_reaction_leaves_an_open_editor_and_the_focus_alone(visit, people, general, message):
    ada = await visit("ada")
    await ada.open_room(general)
    row = ada.page.locator(f"#message-{message.pk}")
    await row.hover()
    await row.locator(".edit").click()
    await ada.page.fill(".message-edit textarea", "Shall we meet at one?")

    await sync_to_async(actions.add_reaction)(people["grace"], message_id=message.pk, emoji="👍")

    await expect(chip(ada, "👍")).to_have_text("👍1")
    box = ada.page.locator(".message-edit textarea")
    await expect(box).to_have_value("Shall we meet at one?")
    await expect(box).to_be_focused()
    await box.press("Enter")
    await expect(row.locator(".body")).to_have_text("Shall we meet at one?")
    await expect(chip(ada, "👍")).to_have_text("👍1")


async def test_own_reactions_beyond_those_listed_stay_ones_own(visit, people, general, message):
    ada = await visit("ada")
    await ada.open_room(general)
    shown = """async ([id, owned]) => {
      const { Reader } = await import("/static/chat/reactions.js");
      const reader = new Reader({ id }, true);
      reader.mark("7", "👍", owned);
      const of = (count, userIds) => reader.isOwn("7", { emoji: "👍", count, userIds });
      return [of(3, ["8", "9"]), of(2, ["8", "9"]), of(2, ["8", id])];
    }"""

    assert await ada.page.evaluate(shown, ["1", True]) == [True, False, True]
    assert await ada.page.evaluate(shown, ["1", False]) == [False, False, True]


async def test_reacting_works_without_javascript(visit, general, message):
    ada = await visit("ada", java_script_enabled=False)
    await ada.open(f"/rooms/{general.pk}/")
    row = ada.page.locator(f"#message-{message.pk}")

    await row.hover()
    await row.locator(".message-tools .add-reaction").click()
    await ada.page.fill("#emoji", "🦆")
    await ada.page.get_by_role("button", name="Add", exact=True).click()
    await chip(ada, "🦆").click()
    await expect(chip(ada, "🦆")).to_have_count(0)


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_reactions_are_accessible_and_fit(visit, people, general, message, viewport, scheme):
    reactions = [("ada", "👍"), ("grace", "👍"), ("grace", "❤️"), ("ada", "🏳️‍🌈"), ("grace", "👨‍👩‍👧‍👦")]
    for name, emoji in reactions:
        await sync_to_async(actions.add_reaction)(people[name], message_id=message.pk, emoji=emoji)
    for text in ("A second message of the same author.\n\nWith lines.", "long " * 60):
        last = await sync_to_async(actions.post_message)(people["ada"], room_id=general.pk, text=text)
    for emoji in "👀✅❌❓💡🤔💯🔥🚀😍😮😢😅":
        await sync_to_async(actions.add_reaction)(people["grace"], message_id=last.pk, emoji=emoji)
    is_phone = viewport is PHONE
    ada = await visit("ada", viewport=viewport, color_scheme=scheme, has_touch=is_phone, is_mobile=is_phone)
    await ada.open_room(general)
    name = f"{viewport['width']}-{scheme}"
    await ada.check(f"reactions-{name}")

    row = ada.page.locator(f"#message-{last.pk}")
    await (row.locator(".body").tap() if is_phone else row.hover())
    tool = row.locator(".message-tools .add-reaction")
    await (tool.tap() if is_phone else tool.click())
    await expect(ada.page.locator("#reaction-picker")).to_be_visible()
    await ada.check(f"reactions-picker-{name}")
    assert await ada.page.evaluate("() => document.documentElement.scrollWidth") <= viewport["width"]
    await ada.open(f"/messages/{last.pk}/react/")
    await ada.check(f"reactions-page-{name}")
