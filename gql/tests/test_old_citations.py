"""What an answer cites stays readable with the answer, whatever becomes of the document."""

import hashlib

import pytest
from django.test import Client
from django.urls import reverse

from chat.actions import post_message
from chat.database import run_in_db
from chat.models import User
from chat.tests.socket_client import sign_in
from rag.actions import create_collection, delete_document, upload_document
from rag.answering.flow import Means, answer, find_passages
from rag.llm.scripted import ScriptedModel
from rag.llm.seam import CitationDelta, Completion, TextDelta, Usage
from rag.models import Answer, AnswerPassage, Collection, Document, Embedding
from rag.tests.documents import write_pdf
from rag.tests.embedders import ScriptedEmbedder
from rag.tests.library import process

pytestmark = pytest.mark.django_db(transaction=True)

CITATIONS = """query($id: ID!) { message(id: $id) { html
    citations { number documentId documentTitle page heading quote url } } }"""
SERVED = "query($id: ID!) { answer(id: $id) { passages { id text page url document { title } } } }"
FILLING = " ".join(
    f"Nobody has to remember what rule {number} of this page may be about." for number in range(9)
)
QUOTE = "Pumps are inspected by two people on the first Monday of each month."
FIRST_PAGE = f"Rules of the works. {FILLING} {FILLING.replace('page', 'book')}"
SECOND_PAGE = f"{QUOTE} {FILLING}"
MACHINE_PAGE = f"Pumps are inspected by a machine. {FILLING}"
SCRIPT = (TextDelta("Two people do."), CitationDelta(1, QUOTE), Completion("end_turn", Usage(10, 5)))


@pytest.fixture(autouse=True)
def storage_folder(settings, tmp_path):
    folder = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"default": folder}


@pytest.fixture
def collection(ada) -> Collection:
    return create_collection(ada, name="Handbook", everyone=True)


@pytest.fixture
def add_version(ada, collection, tmp_path):
    """A function that makes a PDF of two pages the newest version of the rules."""

    def add(first_page: str, second_page: str, embedder: ScriptedEmbedder | None = None) -> Document:
        path = write_pdf(tmp_path / "rules.pdf", [[first_page], [second_page]], title="Rules")
        with path.open("rb") as file:
            document = upload_document(
                ada, collection_id=collection.pk, file=file, filename="rules.pdf", replace=True
            )
        return process(document, embedder or ScriptedEmbedder())

    return add


async def _answer(ada, room, parley) -> Answer:
    """An answer that cites the second page, written from what the room's search finds."""
    embedder = ScriptedEmbedder()
    asked = await run_in_db(lambda: post_message(ada, room_id=room.pk, text="@parley Who inspects pumps?"))
    means = Means(
        search=lambda room_id, text: find_passages(room_id, text, embedder=embedder),
        model=lambda claim: ScriptedModel(SCRIPT),
    )
    await answer(asked.pk, parley.pk, means=means)
    return await Answer.objects.select_related("message").aget(question=asked)


def _page(user: User, url: str) -> str:
    """What the link of a citation shows in the room's pane."""
    browser = Client()
    browser.force_login(user)
    response = browser.get(url, headers={"X-Fragment": "1"})
    assert response.status_code == 200
    return response.content.decode()


def _admin_page(answer: Answer) -> str:
    browser = Client()
    browser.force_login(User.objects.create_user("root", is_staff=True, is_superuser=True))
    return browser.get(reverse("admin:rag_answer_change", args=[answer.pk])).content.decode()


async def _seen(as_user, user: User, written: Answer) -> tuple[dict, str]:
    """The only citation of an answer, the same by GraphQL and by Socket.IO, and the page that it leads to."""
    message_id, room_id = str(written.message_id), str(written.message.room_id)
    message = (await as_user(user).data(CITATIONS, id=message_id))["message"]
    [citation] = message["citations"]
    assert citation["url"].replace("&", "&amp;") in message["html"]

    socket = await sign_in(user)
    assert (await socket.emit("join-room", room_id, {"since": 0}))["ok"]
    events = await socket.events_until(lambda event: event[1].get("id") == message_id)
    await socket.disconnect()
    [sent] = events[-1][1]["citations"]
    assert {name: sent[name] for name in citation} == citation
    return citation, await run_in_db(_page, user, citation["url"])


async def test_a_passage_of_three_chunks_is_served_whole_and_its_citation_opens_at_the_words(
    ada, grace, general, parley, as_user, add_version
):
    document = await run_in_db(add_version, FIRST_PAGE, SECOND_PAGE)
    written = await _answer(ada, general, parley)

    served = await AnswerPassage.objects.aget(answer=written)
    assert (document.chunk_count, served.chunk_count, served.cited) == (3, 3, True)
    [passage] = (await as_user(grace).data(SERVED, id=str(written.pk)))["answer"]["passages"]
    assert passage["text"].startswith("Rules of the works.") and QUOTE in passage["text"]
    assert passage["url"] == f"/documents/{document.pk}/passages/{served.chunk_id}/?chunks=3"
    assert hashlib.sha256(passage["text"].encode()).hexdigest() == served.text_sha256
    shown = await run_in_db(_admin_page, written)
    assert " ".join(passage["text"].split()) in " ".join(shown.replace("<br>", " ").split())
    citation, page = await _seen(as_user, grace, written)
    assert (citation["quote"], citation["page"], citation["documentTitle"]) == (QUOTE, 2, "Rules")
    assert f'<mark class="in-passage">{QUOTE}</mark>' in page
    assert "Rules of the works." in page and "Pages 1–2" in page


async def test_a_citation_outlives_its_document_and_its_link_says_what_became_of_it(
    ada, grace, general, parley, as_user, add_version
):
    first = await run_in_db(add_version, FIRST_PAGE, SECOND_PAGE)
    written = await _answer(ada, general, parley)
    before, page = await _seen(as_user, grace, written)
    assert "Open the whole document" in page

    embedder = ScriptedEmbedder()
    second = await run_in_db(add_version, FIRST_PAGE, MACHINE_PAGE, embedder)
    assert not any("Rules of the works." in text for text in embedder.embedded)  # its vector was taken over
    assert await Embedding.objects.filter(chunk__document=second).acount() == 3
    assert not await Document.objects.filter(pk=first.pk).aexists()
    replaced, page = await _seen(as_user, grace, written)
    assert replaced == before
    assert "was replaced by a newer version" in page
    assert QUOTE in page and "Page 2" in page and f'href="/documents/{second.pk}/"' in page

    third = await run_in_db(add_version, "Rules are no more.", "Nobody inspects pumps.")
    _, page = await _seen(as_user, grace, written)
    assert f'href="/documents/{third.pk}/"' in page  # the newest version, not the one in between

    await run_in_db(lambda: delete_document(ada, document_id=third.pk))
    gone, page = await _seen(as_user, grace, written)
    assert gone == before
    assert "This document is gone" in page and "newer version" not in page
    assert QUOTE in page and "Page 2" in page
    assert (await as_user(grace).data(SERVED, id=str(written.pk)))["answer"]["passages"] == []


async def test_what_an_answer_keeps_is_shown_to_nobody_else(ada, grace, guest, general, parley, add_version):
    first = await run_in_db(add_version, FIRST_PAGE, SECOND_PAGE)
    written = await _answer(ada, general, parley)
    url = written.message.citations[0]["url"]
    await run_in_db(lambda: delete_document(ada, document_id=first.pk))

    def statuses() -> list[int]:
        """Of a guest who is not in the room, and of a member with links that name other citations."""
        found = []
        wrong = [url.replace("-1", "-2"), url.replace("cited=", "cited=9"), url.partition("?")[0]]
        for user, address in [(guest, url), *((grace, address) for address in wrong)]:
            browser = Client()
            browser.force_login(user)
            response = browser.get(address)
            assert QUOTE not in response.content.decode()
            found.append(response.status_code)
        return found

    assert await run_in_db(statuses) == [404] * 4


async def test_a_newer_version_is_named_only_to_those_who_may_read_it(
    ada, grace, general, parley, collection, as_user, add_version
):
    await run_in_db(add_version, FIRST_PAGE, SECOND_PAGE)
    written = await _answer(ada, general, parley)
    second = await run_in_db(add_version, FIRST_PAGE, MACHINE_PAGE)
    await Collection.objects.filter(pk=collection.pk).aupdate(everyone=False)

    _, page = await _seen(as_user, grace, written)

    assert "newer version" not in page and f"/documents/{second.pk}/" not in page
    assert "is not open to you any more" in page and QUOTE in page
