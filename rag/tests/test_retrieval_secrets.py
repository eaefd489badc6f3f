"""A search tells nothing of documents its audience may not read, not even which words they have."""

import pytest
from django.db import connection

from rag.retrieval.search import Audience, search
from rag.tests.embedders import ScriptedEmbedder
from rag.tests.library import make_collection, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return make_user("ada")


@pytest.fixture
def guest():
    return make_user("guest", is_guest=True)


def found(user, question: str) -> list[tuple[str, float, float]]:
    passages = search(Audience.of_user(user), question, embedder=ScriptedEmbedder())
    return [(passage.text, passage.score, passage.bm25) for passage in passages]


def test_a_word_of_a_private_document_scores_as_one_that_nobody_wrote(ada, guest):
    make_collection(ada, "open", "pump station", "whale song", everyone=True)
    make_collection(ada, "secret", "acquisition of zebracorp")

    assert found(guest, "pump zebracorp") == found(guest, "pump qwertzcorp")
    assert found(guest, "pump") == found(guest, "pump zebracorp")
    assert found(ada, "pump zebracorp") != found(ada, "pump qwertzcorp")


def test_a_frequent_word_of_private_documents_does_not_count_either(ada, guest):
    make_collection(ada, "open", "pump station", everyone=True)
    make_collection(ada, "secret", *(f"zebracorp number {n}" for n in range(5)))

    assert found(guest, "pump zebracorp") == found(guest, "pump qwertzcorp")


def test_words_are_corrected_to_what_the_audience_may_read_only(ada, guest):
    make_collection(ada, "secret", *(f"Hydraulic press {n}" for n in range(3)))
    make_collection(ada, "open", *(f"Hydrants of town {n}" for n in range(3)), everyone=True)

    assert found(guest, "hydrualic") == []
    assert len(found(ada, "hydrualic")) == 3


def test_a_word_known_from_private_documents_is_corrected_as_an_unknown_one(ada, guest):
    make_collection(ada, "secret", "hydraulik")
    make_collection(ada, "open", *(f"Hydraulic press {n}" for n in range(3)), everyone=True)

    assert len(found(guest, "hydraulik")) == 3
    assert [text for text, *_ in found(ada, "hydraulik")] == ["hydraulik"]


@pytest.mark.parametrize("frequency", [1, 5000])
def test_visible_terms_are_the_same_by_the_index_and_by_reading_the_chunks(ada, frequency):
    make_collection(ada, "other", *(f"otter {n}" for n in range(9)))
    open_ = make_collection(ada, "open", "pump station", "whale song")
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, lexeme FROM rag_lexeme")
        lexemes = dict(cursor.fetchall())
        # Frequencies only choose the way; the second is that of words of many chunks.
        cursor.execute("UPDATE rag_lexeme SET frequency = %s", [frequency])
        cursor.execute("UPDATE rag_corpusstatistic SET chunk_count = 10000")
        cursor.execute("SELECT rag_visible_terms(%s, %s)", [list(lexemes), [open_.pk]])
        visible = {lexemes[term] for (term,) in cursor.fetchall()}

    assert {"pump", "station", "whale", "song"} <= visible
    assert "otter" not in visible
