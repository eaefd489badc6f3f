"""The page that finds passages: what it shows to whom, its filters and pages, and why something was found."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from rag.models import Document
from rag.pages.search import MOST_RESULTS, PAGE_RESULTS
from rag.tests.library import make_collection, make_room, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def people():
    return {name: make_user(name, is_guest=name == "guest") for name in ("ada", "grace", "guest")}


@pytest.fixture
def ask(client, people):
    """A function that opens the page as somebody with these values in its address."""

    signed_in = []

    def open_page(name="ada", **values):
        if signed_in != [name]:
            client.force_login(people[name])
            signed_in[:] = [name]
        return client.get(reverse("search-documents"), values)

    return open_page


def texts(response) -> list[str]:
    return [row.result.passage.text for row in response.context["rows"]]


def test_a_passage_is_shown_with_its_words_marked_and_the_way_to_it(people, ask):
    make_collection(people["ada"], "Manuals", "The pumps of line seven & eight.", "A whale song")

    response = ask(q="pump line")

    html = response.content.decode()
    [row] = response.context["rows"]
    assert "The <mark>pumps</mark> of <mark>line</mark> seven &amp; eight." in html
    assert f'href="{row.url}"' in html and "Manuals" in html
    assert ask().status_code == 200
    opened = ask()  # the client is still ada's
    assert "Find it in the documents" in opened.content.decode()


def test_a_result_leads_to_its_place_in_the_document(people, ask, client):
    make_collection(people["ada"], "Manuals", "The pumps of line seven.")
    [row] = ask(q="pump").context["rows"]

    page = client.get(row.url)

    assert page.status_code == 200
    assert "The pumps of line seven." in page.content.decode()


def test_it_says_which_words_a_passage_has_and_what_a_misspelt_one_was_taken_for(people, ask):
    make_collection(people["ada"], "c", *(f"Hydraulic press number {n} leaks" for n in range(3)))

    response = ask(q="hydrualic leak valve")

    html = response.content.decode()
    assert "No document has “hydrualic”: searched for <strong>hydraulic</strong>." in html
    assert response.context["rows"][0].reasons.words == ("leak", "hydraulic")
    assert "<mark>Hydraulic</mark>" in html
    assert "close in meaning" not in html, "these chunks have no vectors"


def test_only_what_may_be_read_is_found_and_offered(people, ask):
    room = make_room("team", people["ada"])
    make_collection(people["ada"], "Team's", "pump of the team", room_ids=[room.pk])
    make_collection(people["grace"], "Open", "pump for everyone", everyone=True)

    assert sorted(texts(ask(q="pump"))) == ["pump for everyone", "pump of the team"]
    response = ask("guest", q="pump")
    assert texts(response) == ["pump for everyone"]
    offer = response.context["offer"]
    assert [one.name for one in offer.collections] == ["Open"]
    assert offer.people == [], "guests see those alone who share a room with them"
    assert ask("guest", q="pump", by=people["grace"].pk).status_code == 404

    make_room("visitors", people["grace"], people["guest"])
    assert ask("guest", q="pump").context["offer"].people == [people["grace"]]
    assert texts(ask("guest", q="pump", by=people["grace"].pk)) == ["pump for everyone"]


@pytest.mark.parametrize("value", ["999999", "x", "-1"])
def test_a_filter_that_names_what_may_not_be_read_finds_no_page(people, ask, value):
    hidden = make_collection(people["grace"], "Hidden", "pump")
    make_collection(people["ada"], "Own", "pump")

    for name in ("collection", "document"):
        assert ask(q="pump", **{name: value}).status_code == 404
    assert ask(q="pump", collection=hidden.pk).status_code == 404
    assert ask(q="pump", document=hidden.documents.get().pk).status_code == 404
    assert texts(ask(q="pump", by=people["grace"].pk)) == []


def test_filters_narrow_the_results_and_stay_in_the_form(people, ask):
    make_collection(people["ada"], "a", "pump one")
    other = make_collection(people["ada"], "b", "pump two")
    Document.objects.filter(collection=other).update(
        media_type="application/pdf", created_at="2026-05-31T23:59Z"
    )

    narrow = ask(q="pump", kind="pdf", until="2026-05-31", by=people["ada"].pk, collection=other.pk)

    assert texts(narrow) == ["pump two"]
    html = narrow.content.decode()
    assert 'value="2026-05-31"' in html and f'<option value="{other.pk}" selected>' in html
    assert '<option value="pdf" selected>PDF</option>' in html
    assert texts(ask(q="pump", until="2026-05-30")) == []
    assert texts(ask(q="pump", document=other.documents.get().pk)) == ["pump two"]
    assert (
        "Only some documents were searched"
        in ask(q="pump", kind="plain", until="2026-05-30").content.decode()
    )


@pytest.mark.parametrize("wrong", [{"kind": "exe"}, {"from": "yesterday"}, {"until": "9999-12-31"}])
def test_a_filter_that_makes_no_sense_is_refused(people, ask, wrong):
    assert ask(q="pump", **wrong).status_code == 400


def test_states_without_results_say_what_to_do(people, ask):
    assert "There is nothing to search yet" in ask(q="pump").content.decode()
    assert "No documents are shared with your rooms." in ask("guest").content.decode()

    make_collection(people["ada"], "c", "whale song")
    Document.objects.create(
        collection=Document.objects.get().collection, uploaded_by=people["ada"], size_bytes=1, title="new"
    )

    html = ask(q="pump").content.decode()
    assert "Nothing found for “pump”" in html
    assert "1 document is still being read" in html


def test_results_come_in_pages_and_end(people, ask):
    make_collection(people["ada"], "c", *(f"pump number {n}" for n in range(MOST_RESULTS + 3)))

    first, last = ask(q="pump"), ask(q="pump", page=99)

    assert len(texts(first)) == len(texts(last)) == PAGE_RESULTS
    assert set(texts(first)).isdisjoint(texts(last))
    assert f"Passages 1 to {PAGE_RESULTS} of the best {MOST_RESULTS}" in first.content.decode()
    assert first.context["previous_url"] is None and last.context["next_url"] is None
    assert texts(ask(q="pump", page=2)) == texts(ask(**{"q": "pump", "page": "2", "from": "2000-01-01"}))


def test_words_of_people_and_documents_are_shown_as_text(people, ask):
    make_collection(people["ada"], "<b>c</b>", "pump <script>alert(1)</script>")

    html = ask(q='pump "><img src=x>').content.decode()

    assert "<script>alert(1)" not in html and "<img src=x>" not in html and "<b>c</b>" not in html


def test_the_number_of_statements_does_not_grow_with_the_results(people, ask):
    make_collection(people["ada"], "c", "pump number 0")
    ask()
    counts = []
    for many in (1, 9):
        make_collection(people["ada"], f"more {many}", *(f"pump number {many}{n}" for n in range(many)))
        with CaptureQueriesContext(connection) as queries:
            ask(q="pump")
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_nobody_searches_without_signing_in(client, db):
    assert client.get(reverse("search-documents"), {"q": "pump"}).status_code == 302
