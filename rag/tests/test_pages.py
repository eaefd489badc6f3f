"""The document pages: what they show to whom, and uploads without JavaScript."""

import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient

from chat import actions as chat_actions
from rag.actions.collections import create_collection, room_files
from rag.actions.documents import upload_document
from rag.models import Chunk, Collection, Document, DocumentText
from rag.tests.library import process

BEFORE, PASSAGE, AFTER = "What stands before. ", "The pump runs at nine hundred turns.", " What comes after."
JSON = {"Accept": "application/json"}
COMMITS = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people(db, django_user_model):
    return {
        name: django_user_model.objects.create_user(name, password="x", is_guest=name == "guest")
        for name in ("ada", "grace", "guest")
    }


@pytest.fixture
def room(people):
    return chat_actions.create_room(people["ada"], name="lab", kind="private")


@pytest.fixture
def collection(people):
    return create_collection(people["ada"], name="Manuals")


def add_document(owner, collection, *, filename="pump.txt", content=b"text") -> Document:
    return upload_document(owner, collection_id=collection.pk, file=io.BytesIO(content), filename=filename)


@pytest.fixture
def document(people, collection):
    """Processed: a text with one passage in it."""
    document = add_document(people["ada"], collection)
    DocumentText.objects.create(document=document, text=BEFORE + PASSAGE + AFTER)
    place = {
        "start": len(BEFORE),
        "end": len(BEFORE + PASSAGE),
        "page": 3,
        "page_end": 3,
        "heading": "Pumps › Speed",
    }
    Chunk.objects.create(document=document, ordinal=0, text=PASSAGE, **place)
    Document.objects.filter(pk=document.pk).update(
        status="ready", chunk_count=1, embedded_count=1, page_count=5
    )
    document.refresh_from_db()
    return document


@pytest.fixture
def as_ada(client, people):
    client.force_login(people["ada"])
    return client


@pytest.fixture
def as_grace(client, people):
    client.force_login(people["grace"])
    return client


def passage_url(document: Document) -> str:
    return f"/documents/{document.pk}/passages/{document.chunks.get().pk}/"


# ---------------------------------------------------------------------------------------------------- reading


def test_a_passage_is_shown_in_its_document_with_the_words_marked(as_ada, document):
    html = as_ada.get(passage_url(document), {"mark": "4-8"}).content.decode()

    assert '<mark class="in-passage">pump</mark>' in html
    assert "What stands before." in html
    assert "Page 3" in html
    assert "Pumps › Speed" in html
    assert f"/documents/{document.pk}/?at={len(BEFORE) + 4}-{len(BEFORE) + 8}#mark" in html


@pytest.mark.parametrize("mark", ["4-9999", "x", "8-4", "-1-4"])
def test_a_mark_outside_the_passage_marks_nothing(as_ada, document, mark):
    response = as_ada.get(passage_url(document), {"mark": mark})

    assert response.status_code == 200
    assert "<mark" not in response.content.decode()


def test_the_pane_gets_the_fragment_alone(as_ada, document):
    html = as_ada.get(passage_url(document), headers={"X-Fragment": "1"}).content.decode()

    assert "<html" not in html
    assert "passage-view" in html


def test_text_of_a_document_is_never_markup(as_ada, document):
    text = "<script>alert(1)</script>" + BEFORE + PASSAGE
    DocumentText.objects.filter(document=document).update(text=text)
    Document.objects.filter(pk=document.pk).update(title="<b>t</b>")

    for url in (passage_url(document), f"/documents/{document.pk}/"):
        html = as_ada.get(url).content.decode()
        assert "<script>alert" not in html
        assert "<b>t</b>" not in html


def test_a_document_opens_at_the_marked_words(as_ada, document):
    html = as_ada.get(
        f"/documents/{document.pk}/", {"at": f"{len(BEFORE)}-{len(BEFORE) + 3}"}
    ).content.decode()

    assert '<mark id="mark">The</mark>' in html


@pytest.mark.parametrize("path", ["", "passages", pytest.param("original", marks=COMMITS)])
def test_a_document_does_not_exist_for_those_who_may_not_read_it(as_grace, document, path):
    url = passage_url(document) if path == "passages" else f"/documents/{document.pk}/{path}"

    response = as_grace.get(url)

    assert response.status_code == 404
    assert PASSAGE not in response.content.decode()


def test_a_passage_of_another_document_is_not_found(as_ada, people, collection, document):
    other = add_document(people["ada"], collection, filename="other.txt", content=b"other")

    assert as_ada.get(f"/documents/{other.pk}/passages/{document.chunks.get().pk}/").status_code == 404


def test_the_list_shows_only_what_one_may_read(client, people, document):
    client.force_login(people["ada"])
    assert document.title in client.get("/documents/").content.decode()

    client.force_login(people["grace"])
    assert document.title not in client.get("/documents/").content.decode()


@pytest.mark.parametrize(
    ("code", "helps"), [("ENCRYPTED", False), ("NO_TEXT", False), ("TIMEOUT", True), ("INTERNAL", True)]
)
def test_trying_again_is_offered_only_where_it_can_help(as_ada, document, code, helps):
    Document.objects.filter(pk=document.pk).update(status="failed", error_code=code, error_message="No.")

    html = as_ada.get("/documents/").content.decode()
    state = as_ada.get("/documents/status/", {"ids": str(document.pk)}).json()["documents"][0]

    assert (f"/documents/{document.pk}/retry/" in html) is helps
    assert f"/documents/{document.pk}/delete/" in html
    assert (state["mayRetry"], state["mayDelete"]) == (helps, True)


def test_who_may_not_change_a_failed_document_is_offered_nothing(client, people, document):
    Document.objects.filter(pk=document.pk).update(status="failed", error_code="TIMEOUT", error_message="No.")
    document.collection.everyone = True
    document.collection.save()
    client.force_login(people["grace"])

    html = client.get("/documents/").content.decode()
    state = client.get("/documents/status/", {"ids": str(document.pk)}).json()["documents"][0]

    assert f"/documents/{document.pk}/retry/" not in html
    assert f"/documents/{document.pk}/delete/" not in html
    assert (state["mayRetry"], state["mayDelete"]) == (False, False)


def test_a_script_deletes_a_failed_document(as_ada, document):
    assert as_ada.post(f"/documents/{document.pk}/delete/", headers=JSON).json() == {"ok": True}
    assert not Document.objects.exists()


def test_a_rooms_own_files_are_called_by_the_room(as_ada, people, room):
    room_files(people["ada"], room_id=room.pk)

    assert "Files of #lab" in as_ada.get("/documents/").content.decode()


def test_who_may_add_nowhere_is_told_where_files_are_added(client, people):
    client.force_login(people["grace"])

    assert "Add files in a room." in client.get("/documents/").content.decode()


def test_headings_and_pages_of_a_document_are_found(as_ada, document):
    text = "Pumps\nSpeed\nThe pump runs.\na | b\n1 | 2\n"
    DocumentText.objects.filter(document=document).update(text=text)
    Chunk.objects.filter(document=document).update(start=12, end=26)

    html = as_ada.get(f"/documents/{document.pk}/").content.decode()
    response = as_ada.get(f"/documents/{document.pk}/", {"page": "2"})

    assert '<span class="line-heading" role="heading" aria-level="2">Pumps\nSpeed\n</span>' in html
    assert "<tr><td>a</td><td>b</td></tr><tr><td>1</td><td>2</td></tr>" in html
    assert response["Location"] == f"/documents/{document.pk}/?at=12#place"
    assert 'id="place">The pump runs.' in as_ada.get(response["Location"]).content.decode()


def test_a_failure_is_shown_with_its_reason(as_ada, document):
    Document.objects.filter(pk=document.pk).update(
        status="failed", error_code="TIMEOUT", error_message="This PDF has a password."
    )

    html = as_ada.get("/documents/").content.decode()

    assert "This PDF has a password." in html
    assert f"/documents/{document.pk}/retry/" in html


@pytest.mark.django_db(transaction=True)
async def test_the_original_is_always_a_download(people, collection):
    from chat.database import run_in_db

    content = b"<html><body><script>alert(1)</script></body></html>"
    document = await run_in_db(
        add_document, people["ada"], collection, filename="a page.html", content=content
    )
    client = AsyncClient()
    await client.aforce_login(people["ada"])

    response = await client.get(f"/documents/{document.pk}/original")
    body = b"".join([block async for block in response.streaming_content])

    assert body == content
    assert response["Content-Disposition"] == 'attachment; filename="a page.html"'
    assert response["Content-Type"] == "application/octet-stream"
    assert response["X-Content-Type-Options"] == "nosniff"
    told = await client.head(f"/documents/{document.pk}/original")
    assert (told.status_code, told["Content-Length"], told.content) == (200, str(len(content)), b"")


# ------------------------------------------------------------------------------------------------- uploading


def upload(name="notes.md", content=b"# Notes\n\nSome words."):
    return SimpleUploadedFile(name, content)


def test_the_form_adds_documents_to_a_collection(as_ada, collection):
    form = {"collection": str(collection.pk), "file": [upload(), upload("more.txt", b"more")]}

    response = as_ada.post("/documents/", form, follow=True)

    assert sorted(collection.documents.values_list("filename", flat=True)) == ["more.txt", "notes.md"]
    assert "Added: notes.md, more.txt" in response.content.decode()


def test_files_go_to_ones_own_collection_unless_another_is_chosen(client, people, collection):
    create_collection(people["grace"], name="A first one", everyone=True)
    admin = people["grace"].__class__.objects.create_superuser("root", password="x", display_name="Root")
    client.force_login(admin)

    without_own = client.get("/documents/").content.decode()
    own = create_collection(admin, name="Zebras")
    page = client.get("/documents/").content.decode()

    options = re.findall(r'<option value="(\d*)">(.*?)</option>', page)
    assert options[0] == (str(own.pk), "Zebras")
    assert "A first one · of grace" in [text for _, text in options]
    assert re.findall(r"<option value=.*?>", without_own)[0] == '<option value="">'


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_added(as_ada, collection):
    form = {
        "collection": str(collection.pk),
        "file": [upload("photo.png", b"\x89PNG\r\n\x1a\n..."), upload()],
    }

    response = as_ada.post("/documents/", form, follow=True)

    assert [document.filename for document in collection.documents.all()] == ["notes.md"]
    assert "Added: notes.md" in response.content.decode()
    assert "notice error" in response.content.decode()


def test_files_of_one_name_in_different_folders_are_different_documents(as_ada, collection):
    form = {"collection": str(collection.pk)}
    for folder in ("a", "b"):
        sent = form | {"file": upload(content=b"Words of all."), "source": f"guides/{folder}/notes.md"}
        assert as_ada.post("/documents/", sent, headers=JSON).status_code == 201
    assert sorted(Document.objects.values_list("source", flat=True)) == [
        "guides/a/notes.md",
        "guides/b/notes.md",
    ]
    assert set(Document.objects.values_list("filename", flat=True)) == {"notes.md"}

    refused = as_ada.post("/documents/", form | {"file": upload(), "source": "../notes.md"}, headers=JSON)
    assert refused.status_code == 400


@pytest.mark.parametrize("asked", [True, False])
def test_an_older_version_goes_when_the_new_one_is_ready_where_that_was_asked_for(as_ada, collection, asked):
    form = {"collection": str(collection.pk)} | ({"replace": "on"} if asked else {})
    for content in (b"First words.", b"Second words."):
        as_ada.post("/documents/", form | {"file": upload(content=content)})
        process(Document.objects.latest("pk"))
    left = [document.extracted.text for document in Document.objects.order_by("pk")]
    assert [text.split()[0] for text in left] == (["Second"] if asked else ["First", "Second"])


def test_a_script_gets_the_state_or_a_coded_error(as_ada, collection):
    form = {"collection": str(collection.pk), "file": upload()}
    added = as_ada.post("/documents/", form, headers=JSON)
    refused = as_ada.post(
        "/documents/", {"collection": collection.pk, "file": upload("a.txt", b"")}, headers=JSON
    )

    assert added.status_code == 201
    [state] = added.json()["documents"]
    assert state["status"] == "queued"
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "BAD_USER_INPUT"


def test_too_large_a_file_is_refused_with_its_code(as_ada, collection, settings):
    settings.UPLOAD_MAX_BYTES = 10

    response = as_ada.post("/documents/", {"collection": collection.pk, "file": upload()}, headers=JSON)

    assert response.status_code == 413
    assert response.json()["error"]["code"] == "PAYLOAD_TOO_LARGE"
    assert not Document.objects.exists()


def test_a_form_without_a_file_is_bad_input(as_ada, collection):
    assert as_ada.post("/documents/", {"collection": collection.pk}).status_code == 400


def test_nothing_is_added_to_a_collection_of_others(client, people, collection):
    client.force_login(people["grace"])

    response = client.post("/documents/", {"collection": collection.pk, "file": upload()}, headers=JSON)

    assert response.status_code == 404
    assert not Document.objects.exists()


def test_a_file_dropped_into_a_room_is_readable_by_its_members_only(client, people, room):
    client.force_login(people["ada"])
    client.post(f"/rooms/{room.pk}/files/", {"file": upload()})
    document = Document.objects.get()
    assert document.collection.home_room_id == room.pk
    assert "notes.md" in client.get(f"/rooms/{room.pk}/files/").content.decode()

    client.force_login(people["grace"])
    assert client.get(f"/rooms/{room.pk}/files/").status_code == 404
    assert client.get(f"/documents/{document.pk}/").status_code == 404


def test_a_guest_adds_no_files(client, people, room):
    chat_actions.add_member(people["ada"], room_id=room.pk, user_id=people["guest"].pk)
    client.force_login(people["guest"])

    assert "data-upload" not in client.get(f"/rooms/{room.pk}/files/").content.decode()
    assert client.post(f"/rooms/{room.pk}/files/", {"file": upload()}).status_code == 403
    assert not Document.objects.exists()


def test_a_guest_does_not_learn_who_added_a_document(client, people, document):
    Collection.objects.filter(pk=document.collection_id).update(everyone=True)
    people["ada"].display_name = "Countess of Lovelace"
    people["ada"].save()

    for name, told in (("grace", True), ("guest", False)):
        client.force_login(people[name])
        for page in ("/documents/", f"/documents/{document.pk}/"):
            assert ("Countess" in client.get(page).content.decode()) is told


def test_the_state_of_documents_leaves_out_what_one_may_not_read(client, people, room, document):
    own = room_files(people["ada"], room_id=room.pk)
    other = add_document(people["ada"], own, filename="room.txt")
    chat_actions.add_member(people["ada"], room_id=room.pk, user_id=people["grace"].pk)
    client.force_login(people["grace"])

    states = client.get("/documents/status/", {"ids": f"{document.pk},{other.pk},x,{'9' * 30}"}).json()[
        "documents"
    ]

    assert [state["id"] for state in states] == [str(other.pk)]


def test_a_document_is_deleted_by_who_may_and_by_nobody_else(client, people, room):
    document = add_document(people["ada"], room_files(people["ada"], room_id=room.pk))
    chat_actions.add_member(people["ada"], room_id=room.pk, user_id=people["guest"].pk)
    client.force_login(people["guest"])
    assert client.post(f"/documents/{document.pk}/delete/").status_code == 403
    assert Document.objects.exists()

    client.force_login(people["ada"])
    client.post(f"/documents/{document.pk}/delete/")
    assert not Document.objects.exists()


def test_a_form_goes_back_to_pages_of_this_site_only(as_ada, document):
    Document.objects.filter(pk=document.pk).update(status="failed", error_code="X", error_message="x")

    response = as_ada.post(f"/documents/{document.pk}/retry/", {"next": "https://evil.example/"})

    assert response["Location"] == f"/documents/{document.pk}/"


def test_a_collection_is_made_by_the_form(as_ada):
    as_ada.post("/documents/collections/", {"name": "Handbooks", "everyone": "on"})

    assert "Handbooks" in as_ada.get("/documents/").content.decode()


def test_the_search_of_the_documents_page_is_the_search_of_documents(as_ada, collection):
    html = as_ada.get("/documents/").content.decode()

    assert 'role="search" method="get" action="/search/documents/"' in html


def test_a_list_that_is_cut_says_so(as_ada, people, collection, monkeypatch):
    monkeypatch.setattr("rag.pages.documents.LISTED_PER_COLLECTION", 1)
    add_document(people["ada"], collection, filename="one.txt", content=b"one")
    assert "These are the newest" not in as_ada.get("/documents/").content.decode()

    add_document(people["ada"], collection, filename="two.txt", content=b"two")
    html = as_ada.get("/documents/").content.decode()
    assert "These are the newest 1." in html
    assert f'href="/search/documents/?collection={collection.pk}"' in html
