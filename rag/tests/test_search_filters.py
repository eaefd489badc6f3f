"""A search narrowed to some of the documents that its audience may read."""

from datetime import UTC, datetime

import pytest

from rag.ingestion import flow
from rag.models import Chunk, Document
from rag.retrieval import statement
from rag.retrieval.filters import EVERYTHING, SearchFilters
from rag.retrieval.search import Audience, search
from rag.tests.embedders import ScriptedEmbedder
from rag.tests.library import make_collection, make_user

pytestmark = pytest.mark.django_db

PDF, TEXT = "application/pdf", "text/plain"
ENTIRE_SCAN, INDEXES = 10_000, 0


def day(number: int) -> datetime:
    return datetime(2026, 5, number, tzinfo=UTC)


@pytest.fixture(params=[ENTIRE_SCAN, INDEXES], ids=["scan", "indexes"])
def ada(request, monkeypatch):
    """Every test runs on both ways of finding candidates. Ada has four documents, one a part of the first."""
    for name in ("LEXICAL_EXACT_CHUNKS", "DENSE_EXACT_CHUNKS", "CHOSEN_EXACT_CHUNKS"):
        monkeypatch.setattr(statement, name, request.param)
    ada, grace = make_user("ada"), make_user("grace")
    make_collection(ada, "pumps", "pump one", "pump two", "pump three", everyone=True)
    make_collection(grace, "own", "pump of grace")
    one, two, three, _ = documents = list(Document.objects.order_by("pk"))
    one.media_type, two.media_type, three.media_type = PDF, TEXT, TEXT
    two.part_of, three.uploaded_by = one, grace
    for number, document in enumerate(documents, 1):
        document.created_at = day(number)
        document.save()
        flow.embed_document(document.pk, embedder=ScriptedEmbedder())
    return ada


def found(user, **narrowed) -> set[str]:
    passages = search(
        Audience.of_user(user), "pump", filters=SearchFilters(**narrowed), embedder=ScriptedEmbedder()
    )
    return {passage.text for passage in passages}


def ids(*texts: str) -> tuple[int, ...]:
    return tuple(Chunk.objects.filter(text__in=texts).values_list("document_id", flat=True))


def test_by_document_with_the_parts_of_it(ada):
    assert found(ada, document_ids=ids("pump three")) == {"pump three"}
    assert found(ada, document_ids=ids("pump one")) == {"pump one", "pump two"}
    assert found(ada, document_ids=()) == set()


def test_by_type(ada):
    assert found(ada, media_types=(PDF,)) == {"pump one"}
    assert found(ada, media_types=(PDF, TEXT)) == {"pump one", "pump two", "pump three"}
    assert found(ada, media_types=("text/html",)) == set()


def test_by_who_added_it(ada):
    grace = Document.objects.get(pk__in=ids("pump three")).uploaded_by_id

    assert found(ada, uploader_ids=(grace,)) == {"pump three"}, "and nothing of grace's own collection"
    assert found(ada, uploader_ids=(ada.pk,)) == {"pump one", "pump two"}


def test_by_the_time_it_was_added_the_end_left_out(ada):
    assert found(ada, added_from=day(2)) == {"pump two", "pump three"}
    assert found(ada, added_before=day(2)) == {"pump one"}
    assert found(ada, added_from=day(2), added_before=day(3)) == {"pump two"}


def test_all_filters_hold_together(ada):
    collection = Document.objects.get(pk__in=ids("pump one")).collection_id

    assert found(ada, collection_ids=(collection,), media_types=(TEXT,), added_from=day(3)) == {"pump three"}
    assert found(ada, collection_ids=(), media_types=(TEXT,)) == set()


def test_a_filter_never_widens_what_may_be_read(ada):
    assert found(ada, document_ids=ids("pump of grace")) == set()
    assert found(ada, document_ids=ids("pump of grace", "pump two")) == {"pump two"}
    assert found(ada, added_from=day(1)) == found(ada)


def test_scores_do_not_depend_on_filters_of_words(ada):
    """What is rare is told by all chunks, so the same passage has the same score of words in every search."""
    audience = Audience.of_user(ada)
    [narrow] = search(audience, "pump two", filters=SearchFilters(document_ids=ids("pump two")))
    wide = next(passage for passage in search(audience, "pump two") if passage.text == "pump two")

    assert narrow.bm25 == wide.bm25 > 0


def test_only_dates_types_people_and_documents_tell_the_documents_of_a_collection_apart():
    assert not EVERYTHING.is_by_document
    assert not SearchFilters(collection_ids=(1,)).is_by_document
    assert SearchFilters(media_types=()).is_by_document
