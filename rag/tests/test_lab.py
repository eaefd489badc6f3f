"""The admin's retrieval lab: a search taken apart."""

import re
from dataclasses import replace

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from rag.ingestion import flow
from rag.models import Document
from rag.retrieval import statement
from rag.retrieval.lab import Candidate, ranked, try_search
from rag.retrieval.search import Audience, search
from rag.tests.embedders import ScriptedEmbedder
from rag.tests.library import Room, make_collection, make_room, make_user
from rag.tests.passages import COFFEE, EXPIRY, LEAVE, make_passage

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return make_user("ada", is_superuser=True, is_staff=True)


@pytest.fixture
def open_lab(client, ada):
    """A function that opens the lab as ada with these values in the form."""
    client.force_login(ada)
    return lambda **values: client.get(reverse("admin:retrieval-lab"), values)


def texts(response) -> list[str]:
    return [one.passage.text for one in response.context["candidates"]]


def test_places_by_each_score_stand_side_by_side():
    first = replace(make_passage(LEAVE, 1), bm25=1.0, cosine=0.2)
    second = replace(make_passage(EXPIRY, 2), bm25=0.0, cosine=0.9)
    third = replace(make_passage(COFFEE, 3), bm25=4.0, cosine=None)
    again = replace(make_passage(COFFEE.upper(), 4), bm25=0.5, cosine=None)

    assert ranked([first, second, third, again]) == [
        Candidate(first, 1, 2, 2, is_near_duplicate=False),
        Candidate(second, 2, None, 1, is_near_duplicate=False),
        Candidate(third, 3, 1, None, is_near_duplicate=False),
        Candidate(again, 4, 3, None, is_near_duplicate=True),
    ]


def test_a_trial_is_the_search_itself_with_its_plan_and_its_way(ada):
    make_collection(ada, "c", *(f"Hydraulic press {n}" for n in range(3)), "whale song")

    trial = try_search(Audience.of_user(ada), "hydrualic press")

    assert [one.passage for one in trial.candidates] == search(Audience.of_user(ada), "hydrualic press")
    assert trial.question.corrections == {"hydrual": "hydraul"}
    assert (trial.visible_chunks, trial.all_chunks) == (4, 4)
    assert trial.words_way == "all scored one by one" and trial.meaning_way == "no vector to compare"
    assert "CTE lexical" in trial.plan and "Execution Time" in trial.plan
    assert min(trial.search_ms, trial.understanding_ms) > 0


def test_vectors_are_compared_where_there_are_some(ada):
    embedder = ScriptedEmbedder({"pump": (1, 0, 0)})
    make_collection(ada, "c", "pump one", "whale song")
    for pk in Document.objects.values_list("pk", flat=True):
        flow.embed_document(pk, embedder=embedder)

    trial = try_search(Audience.of_user(ada), "pump", embedder=embedder)

    assert trial.meaning_way == "all scored one by one"
    assert [(one.words_rank, one.meaning_rank) for one in trial.candidates] == [(1, 1), (None, 2)]


@pytest.mark.parametrize(
    ("exact", "share", "way", "branch"),  # the branches as search.sql has them
    [
        (0, 0.3, "index over terms, each checked", 0),
        (0, 0.6, "over collections together", 1),
        (4, 0.3, "one by one", 2),
    ],
)
def test_the_way_that_is_told_is_the_one_that_the_plan_shows(ada, monkeypatch, exact, share, way, branch):
    monkeypatch.setattr(statement, "LEXICAL_EXACT_CHUNKS", exact)
    monkeypatch.setattr(statement, "WIDE_SHARE", share)
    make_collection(ada, "c", "pump one", "pump two")
    make_collection(make_user("grace"), "d", "pump three", "pump four")

    trial = try_search(Audience.of_user(ada), "pump")

    lexical = trial.plan.partition("CTE lexical")[2].partition("CTE dense")[0]
    rows = re.findall(r"^ {10}->  .*actual time=\S+ rows=([\d.]+)", lexical, re.MULTILINE)
    assert [float(count) for count in rows] == [2.0 * (place == branch) for place in range(3)]
    assert trial.words_way.endswith(way)
    assert (trial.visible_chunks, trial.all_chunks) == (2, 4)


def test_a_question_without_anything_in_it_is_not_tried(ada):
    assert try_search(Audience.everything(), " \x00 ") is None


def test_the_page_searches_with_the_eyes_of_a_user_a_room_or_everybody(open_lab, ada):
    grace = make_user("grace")
    room = make_room("team", grace)
    make_collection(grace, "own", "pump of grace")
    make_collection(grace, "team's", "pump of the team", room_ids=[room.pk])
    make_collection(ada, "mine", "pump of ada")

    assert sorted(texts(open_lab(q="pump", user="GRACE"))) == ["pump of grace", "pump of the team"]
    assert sorted(texts(open_lab(q="pump", room="#team"))) == ["pump of grace", "pump of the team"]
    assert texts(open_lab(q="pump", room=str(room.pk))) == texts(open_lab(q="pump", room="Team"))
    page = open_lab(q="pump")
    assert len(texts(page)) == 3
    html = page.content.decode()
    assert "3 of 3 candidates" in html and "Execution Time" in html and "all scored one by one" in html


def test_who_cannot_be_searched_for_is_told(open_lab, ada):
    make_room(str(make_room("one").pk))

    for values, problem in (
        ({"user": "nobody"}, "There is no such user."),
        ({"room": "nowhere"}, "There is no such room."),
        ({"room": str(Room.objects.get(name="one").pk)}, "There are several: give its number."),
        ({"user": "ada", "room": str(make_room("other").pk)}, "Choose a user or a room, not both."),
    ):
        html = open_lab(q="pump", **values).content.decode()
        assert problem in html and "candidates" not in html
    assert "This field is required." in open_lab(q="", user="ada").content.decode()


def test_words_of_documents_are_shown_as_text(open_lab, ada):
    make_collection(ada, "c", "pump <script>alert(1)</script>")

    assert "<script>alert(1)" not in open_lab(q="pump").content.decode()


def test_only_staff_who_may_see_all_passages_get_in(client):
    staff, user = make_user("staff", is_staff=True), make_user("user")
    address = reverse("admin:retrieval-lab")

    client.force_login(user)
    assert client.get(address).status_code == 302
    client.force_login(staff)
    assert client.get(address).status_code == 403
    assert "Retrieval lab" not in client.get(reverse("admin:index")).content.decode()
    staff.user_permissions.add(Permission.objects.get(codename="view_chunk"))
    assert client.get(address).status_code == 200
    assert "Retrieval lab" in client.get(reverse("admin:index")).content.decode()
