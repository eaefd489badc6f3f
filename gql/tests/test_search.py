"""The search over everything: what is found by whom, in which order, page by page, and how it is shown."""

import pytest
from django.test.utils import CaptureQueriesContext

from chat import actions
from chat.database import run_in_db
from chat.message_search import find_messages
from chat.models import Membership, Message, Room
from gql.lists import merged_search
from rag.actions import create_collection
from rag.actions.texts import add_text
from rag.tests.embedders import ScriptedEmbedder

pytestmark = pytest.mark.django_db(transaction=True)

SEARCH = """query($query: String!, $first: Int, $after: String, $room: ID) {
    search(query: $query, first: $first, after: $after, roomId: $room) {
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        edges { cursor snippet node {
            __typename
            ... on Message { id text room { name } author { username } }
            ... on Document { title collection { name } }
            ... on Passage { text score url document { title } } } } } }"""


@pytest.fixture(autouse=True)
def _scripted_embedder(monkeypatch):
    monkeypatch.setattr("rag.embeddings.configuration.configured_embedder", ScriptedEmbedder)


def _post(user, room, text: str) -> Message:
    return actions.post_message(user, room_id=room.pk, text=text)


def _add_document(owner, *, title: str, text: str, **sharing) -> None:
    collection = create_collection(owner, name=f"{title}s", **sharing)
    add_text(owner, collection_id=collection.pk, source=title, title=title, text=text)


async def _search(client, query: str, **arguments) -> dict:
    return (await client.data(SEARCH, query=query, **arguments))["search"]


async def _texts(client, query: str, **arguments) -> list[str]:
    """Each result by what identifies it: the text of a message or passage, the title of a document."""
    edges = (await _search(client, query, **arguments))["edges"]
    return [edge["node"].get("text") or edge["node"]["title"] for edge in edges]


async def test_messages_documents_and_passages_are_found_together(as_user, ada, grace, general):
    await run_in_db(_post, ada, general, "The turbine was inspected on Monday.")
    await run_in_db(
        _add_document,
        ada,
        title="Turbine manual",
        text="Inspect the turbine once a year. Oil is changed twice.",
        everyone=True,
    )

    found = (await _search(as_user(grace), "turbine"))["edges"]

    by_kind = {edge["node"]["__typename"]: edge for edge in found}
    assert len(found) == 3
    assert by_kind["Message"]["node"] == by_kind["Message"]["node"] | {
        "room": {"name": "general"},
        "author": {"username": "ada"},
    }
    assert by_kind["Message"]["snippet"] == "The ⟦turbine⟧ was inspected on Monday."
    assert by_kind["Document"]["node"]["collection"] == {"name": "Turbine manuals"}
    assert by_kind["Document"]["snippet"] == "⟦Turbine⟧ manual"
    assert by_kind["Passage"]["node"]["document"] == {"title": "Turbine manual"}
    assert "⟦turbine⟧ once a year" in by_kind["Passage"]["snippet"]


async def test_only_what_one_may_read_is_found(as_user, ada, grace, guest, general, private):
    await run_in_db(_post, ada, general, "turbine in public")
    await run_in_db(_post, ada, private, "turbine in private")
    await run_in_db(_add_document, ada, title="Turbine secret", text="The turbine code is 1234.")

    assert await _texts(as_user(grace), "turbine") == ["turbine in public"]
    assert await _texts(as_user(guest), "turbine") == []
    assert len(await _texts(as_user(ada), "turbine")) == 4

    await Membership.objects.acreate(room=private, user=grace)
    assert set(await _texts(as_user(grace), "turbine")) == {"turbine in public", "turbine in private"}
    await Membership.objects.filter(room=private, user=grace).adelete()
    assert await _texts(as_user(grace), "turbine") == ["turbine in public"]


async def test_a_room_limits_messages_to_it_and_documents_to_its_readers(
    as_user, ada, grace, general, private
):
    await run_in_db(_post, ada, general, "turbine in public")
    await run_in_db(_post, ada, private, "turbine in private")
    await run_in_db(_add_document, ada, title="Turbine secret", text="The turbine code is 1234.")
    client = as_user(ada)

    assert await _texts(client, "turbine", room=general.pk) == ["turbine in public"]
    assert set(await _texts(client, "turbine", room=private.pk)) >= {"turbine in private", "Turbine secret"}

    absent = await as_user(grace).error(SEARCH, query="turbine", room=str(private.pk + 1000))
    hidden = await as_user(grace).error(SEARCH, query="turbine", room=str(private.pk))
    assert hidden == absent and hidden["code"] == "NOT_FOUND"


async def test_deleted_and_system_messages_and_running_answers_are_not_found(as_user, ada, general):
    gone = await run_in_db(_post, ada, general, "turbine gone")
    await run_in_db(actions.delete_message, ada, message_id=gone.pk)
    await run_in_db(actions.update_room, ada, room_id=general.pk, topic="turbine")
    running = await run_in_db(_post, ada, general, "turbine so far")
    await Message.objects.filter(pk=running.pk).aupdate(kind="answer", status="streaming")
    assert await Message.objects.filter(kind="system", text__contains="turbine").aexists()

    assert await _texts(as_user(ada), "turbine") == []

    await Message.objects.filter(pk=running.pk).aupdate(status="final")
    assert await _texts(as_user(ada), "turbine") == ["turbine so far"]


async def test_pages_give_each_result_once_while_messages_come_and_go(as_user, ada, general):
    for n in range(7):
        await run_in_db(_post, ada, general, "turbine " * (n % 3 + 1) + f"number {n}")
    await run_in_db(
        _add_document, ada, title="Turbine", text="The turbine turns. It is a turbine.", everyone=True
    )
    client = as_user(ada)
    whole = await _texts(client, "turbine")

    read, after, pages = [], None, 0
    while True:
        page = await _search(client, "turbine", first=2, after=after)
        read += [edge["node"].get("text") or edge["node"]["title"] for edge in page["edges"]]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        if not page["pageInfo"]["hasNextPage"]:
            break
        assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]
        after, pages = page["pageInfo"]["endCursor"], pages + 1
        await run_in_db(_post, ada, general, f"turbine {pages} that came later")
        if pages == 2:
            shown = page["edges"][-1]["node"]
            if shown["__typename"] == "Message":
                await run_in_db(actions.delete_message, ada, message_id=shown["id"])

    assert len(whole) == 9
    assert read == whole


async def test_what_was_deleted_since_it_was_found_does_not_shorten_a_page(
    as_user, ada, general, monkeypatch
):
    for number in range(4):
        await run_in_db(_post, ada, general, f"turbine {number}")

    def find_and_lose(*arguments, **keywords):
        found = find_messages(*arguments, **keywords)
        for text in ("turbine 3", "turbine 2"):
            actions.delete_message(ada, message_id=Message.objects.get(text=text).pk)
        return found

    monkeypatch.setattr(merged_search, "find_messages", find_and_lose)
    page = await _search(as_user(ada), "turbine", first=1)

    assert [edge["node"]["text"] for edge in page["edges"]] == ["turbine 1"]
    assert page["pageInfo"]["hasNextPage"]


async def test_what_is_to_be_left_out_finds_no_passage(as_user, ada):
    texts = ("The turbine turns.", "The pump pumps.")
    for title, text in zip(("First", "Second"), texts, strict=True):
        await run_in_db(_add_document, ada, title=title, text=text)
    client = as_user(ada)

    assert await _texts(client, "turbine pump") != []
    assert await _texts(client, "turbine -pump") == ["The turbine turns."]
    assert await _texts(client, '-"pump pumps" turbine') == ["The turbine turns."]
    assert await _texts(client, "-pump") == []


async def test_equal_ranks_are_newest_first_and_better_ones_before(as_user, ada, general):
    for text in ("turbine old", "turbine new", "turbine turbine"):
        await run_in_db(_post, ada, general, text)
    assert await _texts(as_user(ada), "turbine") == ["turbine turbine", "turbine new", "turbine old"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("deploying", {"deploy on friday", "friday deployments"}),
        ('"friday deployments"', {"friday deployments"}),
        ("open or deploying -on", {"the cafe is open", "deploy on friday", "friday deployments"}),
        ("-friday cafe", {"the cafe is open"}),
        ("deploying -friday", set()),
        ("-friday", set()),  # all that is left out: most of what was ever said
        ("friday or -cafe", set()),
        ("café", {"the cafe is open"}),
        ("Cafe", {"the cafe is open"}),
        ("friday' and cafe --", set()),
        ("friday & ! | <-> :*", {"deploy on friday", "friday deployments"}),
        ('"unbalanced friday', set()),
        ("%s friday %(user)s", set()),
        ("the", set()),
        ("\x00friday", {"deploy on friday", "friday deployments"}),
    ],
)
async def test_any_query_is_read_as_words(as_user, ada, general, query, found):
    for text in ("deploy on friday", "friday deployments", "the cafe is open"):
        await run_in_db(_post, ada, general, text)
    assert set(await _texts(as_user(ada), query)) == found


@pytest.mark.parametrize("query", ["", " \n", "x" * 501])
async def test_a_query_without_words_or_too_long_is_refused(as_user, ada, query):
    error = await as_user(ada).error(SEARCH, query=query)
    assert (error["code"], list(error["fields"])) == ("BAD_USER_INPUT", ["query"])


@pytest.mark.parametrize("arguments", [{"first": 101}, {"after": "WyJ4Il0"}, {"after": "WzEsMSwxXQ"}])
async def test_a_bad_page_is_refused(as_user, ada, arguments):
    error = await as_user(ada).error(SEARCH, query="turbine", **arguments)
    assert (error["code"], list(error["fields"])) == ("BAD_USER_INPUT", list(arguments))


async def test_nobody_signed_in_searches_nothing(as_user):
    assert (await as_user(None).error(SEARCH, query="turbine"))["code"] == "UNAUTHENTICATED"


async def test_a_snippet_is_one_line_and_has_no_marks_of_the_text_itself(as_user, ada, general):
    await run_in_db(_post, ada, general, "a ⟦false⟧ mark\nand the turbine")
    [edge] = (await _search(as_user(ada), "turbine"))["edges"]
    assert edge["snippet"] == "a [false] mark and the ⟦turbine⟧"


def test_messages_are_found_by_the_index_of_their_words(ada, general):
    from django.db import connection

    Message.objects.bulk_create(
        Message(room=general, author=ada, text=f"word{n}", client_id=str(n), version=n, posted_version=n)
        for n in range(1, 3001)
    )
    Room.objects.filter(pk=general.pk).update(version=3000)
    with connection.cursor() as cursor:
        cursor.execute("analyze chat_message")

    with CaptureQueriesContext(connection) as executed:
        [found] = find_messages(ada, "word7")
    [search] = [query["sql"] for query in executed if "chat_message" in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute("explain " + search)
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert Message.objects.get(pk=found.message_id).text == "word7"
    assert "chat_message_words" in plan
