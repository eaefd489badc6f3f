"""GraphiQL in the browser: signed in by the session, under the page's policy, with subscriptions."""

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import expect

from chat import actions
from chat.models import Message
from project.tests.browser.conftest import PASSWORD

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio(loop_scope="session")]


async def _open(visitor) -> None:
    await visitor.open("/graphql")
    await visitor.page.wait_for_selector(".graphiql-query-editor .CodeMirror")


async def _write(visitor, operation: str) -> None:
    await visitor.page.evaluate(
        "text => document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.setValue(text)",
        operation,
    )


async def _run(visitor, operation: str) -> None:
    """Replace what is in the editor and press the button."""
    await _write(visitor, operation)
    await visitor.page.locator(".graphiql-execute-button").click()


OPERATIONS = """
query Me {{ me {{ username }} }}
mutation Say {{ sendMessage(input: {{roomId: "{room}", text: "by GraphiQL"}}) {{ text }} }}
subscription Live {{ messageAdded(roomId: "{room}", since: 0) {{ text }} }}
"""


async def test_a_query_a_mutation_and_a_subscription_run_with_the_session(visit, people, general):
    ada = await visit("ada")
    await _open(ada)
    await _write(ada, OPERATIONS.format(room=general.pk))
    result = ada.page.locator(".result-window")

    async def choose(operation: str) -> None:
        await ada.page.locator(".graphiql-execute-button[aria-haspopup]").click()  # knows all three
        await ada.page.get_by_role("menuitem", name=operation).click()

    await choose("Me")
    await expect(result).to_contain_text('"username": "ada"')

    await choose("Say")
    await expect(result).to_contain_text('"text": "by GraphiQL"')
    sent = await Message.objects.aget(text="by GraphiQL")
    assert (sent.author_id, sent.room_id) == (people["ada"].pk, general.pk)

    await choose("Live")
    await expect(result).to_contain_text('"messageAdded": {    "text": "by GraphiQL"')
    await sync_to_async(actions.post_message)(people["grace"], room_id=general.pk, text="live by grace")
    await expect(result).to_contain_text('"messageAdded": {    "text": "live by grace"')
    await ada.page.get_by_role("button", name="Stop query").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_knows_the_schema_and_follows_the_systems_colours(visit, people, general, scheme):
    ada = await visit("ada", color_scheme=scheme)
    await _open(ada)
    await _run(ada, "{ rooms { edges { node { name } } } }")
    await expect(ada.page.locator(".result-window")).to_contain_text("general")
    await ada.page.get_by_label("Show Documentation Explorer").click()
    docs = ada.page.locator(".graphiql-doc-explorer")
    await docs.get_by_role("link", name="Query").click()
    await expect(docs).to_contain_text("Messages, documents and passages you may read, the best first.")
    await ada.show(f"graphiql-{scheme}")

    background = await ada.page.evaluate(
        "() => getComputedStyle(document.querySelector('.graphiql-container')).backgroundColor"
    )
    red, green, blue = (int(value) for value in background.split("(")[1].split(")")[0].split(",")[:3])
    assert (red + green + blue > 3 * 128) is (scheme == "light")


async def test_a_theme_that_was_chosen_in_parley_is_graphiqls(visit, people):
    ada = await visit("ada", color_scheme="light")
    await ada.open("/account/")
    await ada.page.evaluate("() => localStorage.setItem('parley.theme', 'dark')")
    await _open(ada)
    await expect(ada.page.locator("body")).to_have_class("graphiql-dark")


async def test_who_is_not_signed_in_signs_in_and_comes_back(visit, people):
    visitor = await visit()
    await visitor.open("/graphql")
    await visitor.page.fill("[name=username]", "grace")
    await visitor.page.fill("[name=password]", PASSWORD)
    await visitor.page.click("button[type=submit]")
    await visitor.page.wait_for_selector(".graphiql-query-editor .CodeMirror")
    assert visitor.page.url.endswith("/graphql")

    await _run(visitor, "{ me { username } }")
    await expect(visitor.page.locator(".result-window")).to_contain_text('"username": "grace"')
