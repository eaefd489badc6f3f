"""Pages of the web as documents: from the URL to what is found, changed pages, and who may add them."""

from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from chat.errors import BadInput, Forbidden, NotFound
from rag.actions import add_url, check_now, create_collection, delete_document
from rag.actions.web_pages import queue_due_pages
from rag.ingestion import flow
from rag.ingestion.web_pages import check_page
from rag.models import Document, WebPage
from rag.quotas import QuotaExceeded
from rag.retrieval.search import Audience, search
from rag.tests.embedders import ScriptedEmbedder
from rag.tests.library import make_room, make_user, process, upload
from rag.tests.web_server import page, serving

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage_folder")]

PUMPS = "<title>Pumps</title><h1>Pumps</h1><p>The hydraulic pump must stay below six bar.</p>"
VALVES = "<title>Pumps</title><h1>Pumps</h1><p>The valve is closed at night.</p>"


@pytest.fixture(scope="module")
def running():
    with serving() as server:
        yield server


@pytest.fixture
def server(running, settings):
    settings.CRAWL_PORTS = [80, 443, running.port]
    settings.CRAWL_ALLOWED_NETWORKS = [ip_network("127.0.0.1")]
    running.answers.clear()
    running.answers["/pumps"] = page(PUMPS, 'ETag: "1"')
    return running


@pytest.fixture
def ada():
    return make_user("ada")


@pytest.fixture
def collection(ada):
    return create_collection(ada, name="Wiki")


def add(user, collection, url, **options):
    return add_url(user, collection_id=collection.pk, url=url, **options)


def found_texts(user, query):
    return [passage.text for passage in search(Audience.of_user(user), query, embedder=ScriptedEmbedder())]


def queued():
    return list(ProcrastinateJob.objects.order_by("id").values_list("task_name", "args"))


def test_a_page_becomes_passages_that_are_found(ada, collection, server):
    document = add(ada, collection, server.url("/pumps"))
    assert (document.status, document.title) == ("queued", server.url("/pumps"))
    assert queued() == [("rag.ingest_document", {"document_id": document.pk})]

    process(document)

    assert (document.status, document.error_message) == ("ready", "")
    assert (document.title, document.filename, document.media_type) == ("Pumps", "pumps.html", "text/html")
    assert document.source == server.url("/pumps") and document.size_bytes == len(PUMPS)
    assert "six bar" in found_texts(ada, "hydraulic pump")[0]
    assert document.web_page.etag == '"1"' and document.web_page.checked_at is not None


def test_a_page_that_cannot_be_had_fails_with_the_reason_and_may_be_tried_again(ada, collection, server):
    document = process(add(ada, collection, server.url("/later")))
    assert (document.status, document.error_code) == ("failed", "URL_STATUS")
    assert document.error_message == "The server answered with status 404."

    server.answers["/later"] = page(PUMPS)
    assert add(ada, collection, server.url("/later")) == document

    assert process(document).status == "ready"


def test_without_the_setting_this_machine_is_not_fetched_from(ada, collection, server, settings):
    settings.CRAWL_ALLOWED_NETWORKS = []

    document = process(add(ada, collection, server.url("/pumps")))

    assert (document.status, document.error_code) == ("failed", "URL_REFUSED")
    assert "127.0.0.1 is not on the public Internet" in document.error_message


def test_a_page_that_is_the_same_stays_and_one_that_changed_is_replaced_when_it_is_ready(
    ada, collection, server
):
    old = process(add(ada, collection, server.url("/pumps")))
    web_page = WebPage.objects.get()

    server.answers["/pumps"] = b"HTTP/1.1 304 Not Modified\r\n\r\n"
    assert check_page(web_page.pk) is None
    server.answers["/pumps"] = page(PUMPS, 'ETag: "2"')
    assert check_page(web_page.pk) is None
    assert 'If-None-Match: "1"' in server.requests[-1]
    assert Document.objects.get() == old

    server.answers["/pumps"] = page(VALVES)
    new = check_page(web_page.pk)
    assert found_texts(ada, "hydraulic pump") != []
    process(new)

    assert Document.objects.get() == new
    assert ["closed" in text for text in found_texts(ada, "valve")] == [True]
    assert WebPage.objects.get().document == new


def test_a_new_version_that_cannot_be_read_leaves_the_old_one(ada, collection, server):
    old = process(add(ada, collection, server.url("/pumps")))
    web_page = WebPage.objects.get()
    server.answers["/pumps"] = page("<p> </p>")

    broken = process(check_page(web_page.pk))

    assert (broken.status, broken.error_code) == ("failed", "NO_TEXT")
    assert found_texts(ada, "hydraulic pump") != []
    server.answers["/pumps"] = page(PUMPS)
    assert check_page(web_page.pk) is None
    assert list(Document.objects.all()) == [old]
    assert WebPage.objects.get().document == old


def test_a_check_that_fails_is_noted_and_changes_nothing(ada, collection, server):
    document = process(add(ada, collection, server.url("/pumps")))
    del server.answers["/pumps"]

    assert check_page(document.web_page.pk) is None

    web_page = WebPage.objects.get()
    assert (web_page.error_code, web_page.error_message) == (
        "URL_STATUS",
        "The server answered with status 404.",
    )
    assert Document.objects.get().status == "ready"


def test_a_page_that_its_site_keeps_from_programs_is_not_taken_in(ada, collection, settings):
    settings.CRAWL_ALLOWED_NETWORKS = [ip_network("127.0.0.1")]
    with serving() as wiki:
        settings.CRAWL_PORTS = [wiki.port]
        wiki.answers["/robots.txt"] = page("User-agent: *\nDisallow: /", content_type="text/plain")
        wiki.answers["/pumps"] = page(PUMPS)

        document = process(add(ada, collection, wiki.url("/pumps")))
        assert (document.status, document.error_code) == ("failed", "URL_REFUSED")
        assert "robots.txt" in document.error_message

        settings.CRAWL_WITHOUT_ROBOTS = ["127.0.0.1"]
        assert process(add(ada, collection, wiki.url("/pumps"))).status == "ready"


def test_pages_are_checked_when_their_time_has_come(ada, collection, server):
    daily = process(add(ada, collection, server.url("/pumps"), check_every_hours=24))
    process(add(ada, collection, server.url("/other")))
    ProcrastinateJob.objects.all()._raw_delete("default")
    assert queue_due_pages() == 0

    WebPage.objects.filter(document=daily).update(next_check_at=timezone.now() - timedelta(minutes=1))

    assert (queue_due_pages(), queue_due_pages()) == (1, 0)
    assert queued() == [("rag.check_web_page", {"page_id": daily.web_page.pk})]
    assert WebPage.objects.get(document=daily).next_check_at > timezone.now() + timedelta(hours=23)


def test_who_may_change_a_document_may_have_its_page_checked(ada, collection, server):
    document = process(add(ada, collection, server.url("/pumps")))
    room = make_room("team", ada, grace := make_user("grace"))
    collection.rooms.add(room)
    ProcrastinateJob.objects.all()._raw_delete("default")

    for _ in range(3):  # one check waits, however often it is asked for
        check_now(ada, document_id=document.pk)
    with pytest.raises(Forbidden):
        check_now(grace, document_id=document.pk)
    with pytest.raises(NotFound):
        check_now(make_user("linus"), document_id=document.pk)

    assert queued() == [("rag.check_web_page", {"page_id": document.web_page.pk})]
    with pytest.raises(BadInput):
        check_now(ada, document_id=upload(ada, collection, "A file.").pk)


def test_a_url_is_one_document_of_a_collection(ada, collection, server):
    first = add(ada, collection, server.url("/pumps"))

    assert add(ada, collection, server.url("/pumps") + "#part", check_every_hours=6) == first
    other = create_collection(ada, name="Other")
    assert add(ada, other, server.url("/pumps")) != first
    assert WebPage.objects.get(document=first).check_every_hours == 6


@pytest.mark.parametrize(
    ("url", "options", "field"),
    [
        ("file:///etc/passwd", {}, "url"),
        ("https://ada:secret@example.org/", {}, "url"),
        ("https://example.org/", {"check_every_hours": 7}, "checkEveryHours"),
    ],
)
def test_what_is_not_fetched_is_refused_at_once(ada, collection, url, options, field):
    with pytest.raises(BadInput) as caught:
        add(ada, collection, url, **options)

    assert list(caught.value.fields) == [field]
    assert not Document.objects.exists() and not ProcrastinateJob.objects.exists()


def test_only_who_may_add_to_a_collection_adds_pages(ada, collection):
    grace = make_user("grace")
    collection.rooms.add(make_room("team", ada, grace))

    with pytest.raises(Forbidden):
        add(grace, collection, "https://example.org/")
    with pytest.raises(NotFound):
        add(make_user("linus"), collection, "https://example.org/")
    assert not WebPage.objects.exists()


def test_a_page_is_added_and_checked_on_the_document_pages(ada, collection, server, client):
    client.force_login(ada)
    form = {"collection": collection.pk, "url": server.url("/pumps"), "check_every_hours": "24"}

    added = client.post("/documents/pages/", form)
    document = process(Document.objects.get())
    shown = client.get(added.url).content.decode()
    client.post(f"/documents/{document.pk}/check/")
    refused = client.post("/documents/pages/", {**form, "url": "ftp://example.org/"}, follow=True)

    assert added.url == f"/documents/{document.pk}/"
    assert server.url("/pumps") in shown and "Look for changes now" in shown
    assert document.web_page.check_every_hours == 24
    assert ("rag.check_web_page", {"page_id": document.web_page.pk}) in queued()
    assert "The address must begin with https://" in refused.content.decode()


def test_a_deleted_page_is_not_checked_any_more(ada, collection, server):
    document = process(add(ada, collection, server.url("/pumps"), check_every_hours=1))
    page_id = document.web_page.pk

    delete_document(ada, document_id=document.pk)

    assert not WebPage.objects.exists() and check_page(page_id) is None


def test_a_page_deleted_while_it_is_fetched_ends_there(ada, collection, server):
    document = add(ada, collection, server.url("/pumps"))
    answer = server.answers["/pumps"]

    def delete_and_answer(connection):
        connection.sendall(answer)

    server.answers["/pumps"] = delete_and_answer
    delete_document(ada, document_id=document.pk)
    flow.ingest_document(document.pk)

    assert not Document.objects.exists()


def test_the_form_of_the_documents_page_adds_a_web_page(server, client, ada):
    collection = create_collection(ada, name="Handbook")
    client.force_login(ada)
    form = client.get("/documents/").content.decode().partition('action="/documents/pages/"')[2]
    choices = form.partition("</select>")[0]
    assert f'<option value="{collection.pk}">Handbook</option>' in choices

    added = client.post("/documents/pages/", {"collection": collection.pk, "url": server.url("/pumps")})

    document = Document.objects.get(collection=collection)
    assert (added.status_code, added.url) == (302, f"/documents/{document.pk}/")


def test_nobody_has_more_pages_than_may_be_fetched(ada, collection, server, monkeypatch):
    monkeypatch.setattr("rag.quotas.PAGES_PER_USER", 1)
    add(ada, collection, server.url("/pumps"))

    with pytest.raises(QuotaExceeded):
        add(ada, collection, server.url("/valves"))


def test_nothing_is_fetched_for_a_closed_account(ada, collection, server):
    document = add(ada, collection, server.url("/pumps"), check_every_hours=1)
    WebPage.objects.update(next_check_at=timezone.now() - timedelta(minutes=1))
    type(ada).objects.filter(pk=ada.pk).update(is_active=False)

    assert queue_due_pages() == 0
    type(ada).objects.filter(pk=ada.pk).update(is_active=True)
    assert queue_due_pages() == 1 and WebPage.objects.get().document == document
