"""Documents that were indexed before words were stemmed by language: indexed again beside everything else."""

import pytest
from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateJob

from rag import tasks
from rag.actions import processing, reindexing
from rag.ingestion.reindexing import index_words_again
from rag.models import LEXICAL_VERSION, Chunk, CollectionStatistic, CorpusStatistic, Document, Lexeme
from rag.retrieval.search import Audience, search
from rag.tests.embedders import ScriptedEmbedder
from rag.tests.library import make_collection, make_user

pytestmark = pytest.mark.django_db

GERMAN = "Die Häuser in der Straße sind alt, und der Vertrag mit dem Verwalter wurde gekündigt."
FRENCH = "Les chevaux du village sont dans le pré avec les vaches, et la ferme est à vendre."
ENGLISH = "The houses of the village are old, and the contract with the keeper was cancelled."
CHINESE = "数据库管理系统是一种管理数据库的软件。"


@pytest.fixture
def ada():
    return make_user("ada")


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(reindexing, "CHUNKS_PER_TRANSACTION", 1)


def found(ada, question: str) -> list[str]:
    return [
        p.text for p in search(Audience.of_user(ada), question, embedder=ScriptedEmbedder()) if p.bm25 > 0
    ]


def index_as_before() -> None:
    """Bring all documents into the state in which version 1 left them: nothing but English, and no pairs."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef('rag_pairs'::regproc)")
        [(pairs,)] = cursor.fetchall()
        cursor.execute(
            "CREATE OR REPLACE FUNCTION rag_pairs(t text) RETURNS text"
            " LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN t"
        )
        for document in Document.objects.all():
            language, document.language = document.language, ""
            document.save(update_fields=["language"])
            cursor.execute("SELECT rag_reindex_chunks(%s, 0, 1000)", [document.pk])
            document.language, document.lexical_version = language, 1
            document.save(update_fields=["language", "lexical_version"])
        cursor.execute(pairs)


def wrong_frequencies() -> list[tuple[str, str, int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.language, l.lexeme, l.frequency, coalesce(x.n, 0) FROM rag_lexeme l LEFT JOIN ("
            " SELECT t AS id, count(*) AS n FROM rag_lexicalvector, unnest(rag_term_ids(weights)) t GROUP BY t) x"
            " USING (id) WHERE l.frequency <> coalesce(x.n, 0)"
        )
        return cursor.fetchall()


def test_older_documents_are_found_by_their_languages_stems_once_they_are_indexed_again(ada):
    make_collection(ada, "library", GERMAN, FRENCH, ENGLISH, CHINESE)
    index_as_before()
    assert found(ada, "Haus") == found(ada, "cheval") == found(ada, "数据库") == []
    assert found(ada, "house") == [ENGLISH]

    assert index_words_again()

    assert found(ada, "Haus") == [GERMAN]
    assert found(ada, "vache") == [FRENCH]
    assert found(ada, "数据库") == [CHINESE]
    assert found(ada, "house") == [ENGLISH]
    assert set(Document.objects.values_list("lexical_version", flat=True)) == {LEXICAL_VERSION}


def test_frequencies_and_counts_are_exact_at_every_step(ada, monkeypatch, small_batches):
    collection = make_collection(ada, "library", GERMAN, FRENCH, f"{GERMAN}\n\n{FRENCH}", CHINESE)
    index_as_before()
    steps = []

    def watched(document_id: int, *, first: int) -> int:
        following = original(document_id, first=first)
        steps.append((wrong_frequencies(), CorpusStatistic.objects.get().chunk_count))
        return following

    original = reindexing.reindex_chunks
    monkeypatch.setattr(reindexing, "reindex_chunks", watched)
    assert index_words_again()

    chunks = Chunk.objects.count()
    assert steps == [([], chunks)] * len(steps)
    assert CollectionStatistic.objects.get(collection=collection).chunk_count == chunks
    assert not Lexeme.objects.filter(language="en", lexeme="gekundigt", frequency__gt=0).exists()


def long_document(ada) -> Document:
    """One of several chunks, all German, as version 1 left it."""
    make_collection(ada, "library", " ".join(f"{GERMAN} Es ist Nummer {n}." for n in range(60)))
    document = Document.objects.get()
    assert document.chunk_count > 3
    return document


def test_a_job_that_is_stopped_goes_on_where_it_was(ada, small_batches):
    document = long_document(ada)
    index_as_before()
    looks = iter([False, False, True])

    assert not index_words_again(should_stop=lambda: next(looks))

    [job] = ProcrastinateJob.objects.filter(task_name="rag.index_words_again", status="todo")
    assert job.args == {"document_id": document.pk, "first": 2}
    document.refresh_from_db()
    assert document.lexical_version == 1
    assert found(ada, "Häuser"), "by either stem, while it is half done"

    assert index_words_again(**job.args)
    document.refresh_from_db()
    assert document.lexical_version == LEXICAL_VERSION
    assert wrong_frequencies() == []
    assert not Lexeme.objects.filter(language="en", frequency__gt=0).exists()


def test_a_job_whose_document_is_gone_begins_the_next_one_at_its_first_chunk(ada, small_batches):
    document = long_document(ada)
    index_as_before()

    assert index_words_again(document_id=document.pk - 1, first=2)

    assert not Lexeme.objects.filter(language="en", frequency__gt=0).exists()


def test_the_job_is_enqueued_where_there_is_work_and_once(ada):
    make_collection(ada, "library", GERMAN)
    jobs = ProcrastinateJob.objects.filter(task_name="rag.index_words_again")
    tasks.follow_lexical_rules(0)
    assert not jobs.exists(), "new documents are indexed by the rules of now"

    index_as_before()
    tasks.follow_lexical_rules(0)
    tasks.follow_lexical_rules(0)

    assert jobs.count() == 1


def test_a_document_that_the_rules_do_not_change_is_only_marked(ada):
    make_collection(ada, "library", ENGLISH)
    index_as_before()
    with connection.cursor() as cursor:
        cursor.execute("SELECT xmin::text, weights::text FROM rag_lexicalvector")
        before = cursor.fetchall()
        assert index_words_again()
        cursor.execute("SELECT xmin::text, weights::text FROM rag_lexicalvector")
        assert cursor.fetchall() == before
    assert Document.objects.get().lexical_version == LEXICAL_VERSION


def test_documents_that_are_not_indexed_are_left_alone(ada):
    make_collection(ada, "library", GERMAN)
    document = Document.objects.get()
    index_as_before()
    processing.fail_document(document.pk, code="INTERNAL", message="It broke.")

    assert index_words_again()

    document.refresh_from_db()
    assert (document.status, document.lexical_version) == ("failed", 1)
