"""Documents that come with their vectors: whole or not at all, and counted like all others."""

import random
from contextlib import suppress

import numpy as np
import pytest
from django.db import connection

from chat.errors import BadInput, Forbidden
from rag.actions import bulk as actions
from rag.actions import create_collection, delete_document, use_embedding_model
from rag.actions.bulk import ReadyDocument
from rag.actions.texts import add_text
from rag.embeddings import vector_index
from rag.ingestion import bulk
from rag.ingestion.chunking import ChunkSpan
from rag.models import (
    Chunk,
    CollectionStatistic,
    CorpusStatistic,
    Document,
    Embedding,
    Lexeme,
    LexicalVector,
)
from rag.retrieval.search import Audience, search
from rag.tests.embedders import ScriptedEmbedder
from rag.tests.library import make_user

pytestmark = pytest.mark.django_db(transaction=True)

EMBEDDER = ScriptedEmbedder({"pump": (1, 0, 0), "whale": (0, 1, 0)})
RECOUNT = """
SELECT d.language, u.lexeme, count(*) FROM rag_chunk c JOIN rag_document d ON d.id = c.document_id,
    unnest(rag_lexemes(d.title || ' ' || c.heading || ' ' || c.text, rag_configuration(d.language))) u
GROUP BY rag_stemmed_as(d.language), d.language, u.lexeme
"""


@pytest.fixture
def ada():
    return make_user("ada")


@pytest.fixture
def model():
    return use_embedding_model(EMBEDDER.name, EMBEDDER.dimensions)


@pytest.fixture
def collection(ada):
    return create_collection(ada, name="Corpus")


def ready(source: str, *texts: str, title: str = "", heading: str = "") -> ReadyDocument:
    """A document of one chunk per text."""
    spans, start = [], 0
    for ordinal, text in enumerate(texts):
        spans.append(ChunkSpan(ordinal, start, start + len(text), None, None, heading))
        start += len(text) + 1
    return ReadyDocument(source, title, "\n".join(texts), spans, EMBEDDER.embed_passages(texts))


def add(ada, collection, model, *documents: ReadyDocument) -> int:
    return actions.add_ready_documents(
        ada, collection_id=collection.pk, model_id=model.pk, documents=documents
    )


def recounted() -> dict[tuple[str, str], int]:
    """Chunks by language and word, from the texts themselves."""
    counts: dict[tuple[str, str], int] = {}
    with connection.cursor() as cursor:
        cursor.execute(RECOUNT)
        for language, lexeme, count in cursor.fetchall():
            key = (language or "en", lexeme)
            counts[key] = counts.get(key, 0) + count
    return counts


def assert_counts_are_exact() -> None:
    kept = Lexeme.objects.filter(frequency__gt=0).values_list("language", "lexeme", "frequency")
    assert {(language, lexeme): count for language, lexeme, count in kept} == recounted()
    chunks = Chunk.objects.count()
    assert LexicalVector.objects.count() == chunks
    assert sum(CollectionStatistic.objects.values_list("chunk_count", flat=True)) == chunks
    assert sum(CorpusStatistic.objects.values_list("chunk_count", flat=True)) == chunks


def indexes() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexrelid::regclass::text FROM pg_index WHERE indisvalid"
            " AND indrelid IN ('rag_embedding'::regclass, 'rag_lexicalvector'::regclass)"
        )
        return {name for (name,) in cursor.fetchall()}


def large_indexes(model) -> set[str]:
    return {"rag_lexicalvector_terms", f"rag_embedding_hnsw_{model.pk}"}


def test_what_is_added_is_ready_and_found_by_words_and_by_meaning(ada, collection, model):
    assert add(ada, collection, model, ready("a", "The pump stops.", "A valve."), ready("b", "A whale.")) == 2

    found = search(Audience.of_user(ada), "pump", embedder=EMBEDDER)

    assert found[0].text == "The pump stops." and found[0].bm25 > 0
    assert found[0].cosine == pytest.approx(1, abs=1e-3)
    document = Document.objects.get(source="a")
    assert (document.status, document.chunk_count, document.embedded_count) == ("ready", 2, 2)
    assert_counts_are_exact()


def test_weights_are_those_of_a_document_that_is_added_one_by_one(ada, collection, model):
    text = "Pumps and pumps: the Pumpe of /usr/lib, camelCase\tand a \\ backslash."
    add(ada, collection, model, ready("bulk", text, title="A pump"))
    add_text(ada, collection_id=collection.pk, source="live", title="A pump", text=text)

    bulk_weights, live_weights = (
        LexicalVector.objects.get(chunk__document__source=source).weights for source in ("bulk", "live")
    )

    assert bulk_weights.indices() == live_weights.indices() and bulk_weights.values() == live_weights.values()
    assert Chunk.objects.get(document__source="bulk").text == text


def test_a_chunk_without_a_word_has_a_vector_and_counts(ada, collection, model):
    add(ada, collection, model, ready("a", "...", "A pump."))

    assert LexicalVector.objects.get(chunk__ordinal=0).weights.indices() == []
    assert_counts_are_exact()


def test_frequencies_are_exact_after_random_loads_additions_and_deletions(ada, collection, model):
    dice = random.Random(3)
    words = [*(f"word{n}" for n in range(30)), "Häuser", "und", "die", "the", "and", "pumps"]
    for step in range(12):
        texts = [" ".join(dice.choices(words, k=dice.randint(1, 12))) + "." for _ in range(4)]
        kind = dice.choice(("bulk", "live", "delete"))
        if kind == "bulk":
            documents = [ready(f"{step} {n}", *texts[n:], heading=texts[0]) for n in range(3)]
            add(ada, collection, model, *documents)
        elif kind == "live":
            add_text(ada, collection_id=collection.pk, source=f"{step}", title="the", text=texts[0])
        elif document := Document.objects.order_by("?").first():
            delete_document(ada, document_id=document.pk)
        assert_counts_are_exact()
    assert Chunk.objects.exists()


def test_what_is_there_is_passed_over(ada, collection, model):
    documents = [ready("a", "A pump."), ready("b", "A whale.")]
    add(ada, collection, model, documents[0])

    assert add(ada, collection, model, *documents, documents[1]) == 1
    assert add(ada, collection, model, *documents) == 0

    assert Chunk.objects.count() == Embedding.objects.count() == 2
    assert_counts_are_exact()


def test_a_load_whose_connection_dies_leaves_nothing_of_its_batch(ada, collection, model, monkeypatch):
    """The server ends the session in the middle, as it does for a client that was killed."""
    documents = [ready(f"{n}", f"Pump {n}.") for n in range(4)]
    monkeypatch.setattr(bulk, "BATCH_CHUNKS", 2)
    store_chunks, calls = actions._store_chunks, []

    def killed(*args):
        store_chunks(*args)
        calls.append(args)
        if len(calls) == 2:
            with suppress(Exception), connection.cursor() as cursor:  # the statement never returns
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(actions, "_store_chunks", killed)
    load = {"collection_id": collection.pk, "model": model, "documents": documents}
    with pytest.raises(Exception, match="terminat|closed|lost|connection"):
        bulk.load_documents(ada, **load)
    connection.close()

    assert sorted(Document.objects.values_list("source", flat=True)) == ["0", "1"]
    assert Embedding.objects.count() == Chunk.objects.count() == 2
    assert_counts_are_exact()

    monkeypatch.setattr(actions, "_store_chunks", store_chunks)
    assert bulk.load_documents(ada, **load) == 2
    assert_counts_are_exact()


def test_indexes_are_gone_within_a_load_and_there_after_it_also_when_it_fails(ada, collection, model):
    with pytest.raises(BadInput), bulk.indexes_afterwards(model):
        assert not indexes() & large_indexes(model)
        add(ada, collection, model, ReadyDocument("x", "", "", [], np.zeros((0, 3))))

    assert indexes() >= large_indexes(model)


def test_indexes_of_a_killed_load_are_mended(model):
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX rag_lexicalvector_terms")
    vector_index.drop_index(model)

    assert bulk.mend_indexes()

    assert indexes() >= large_indexes(model)


@pytest.mark.parametrize(
    "document",
    [
        ReadyDocument("x", "", "A pump.", [], np.zeros((0, 3))),
        ReadyDocument("x", "", "A pump.", [ChunkSpan(0, 0, 99, None, None, "")], np.ones((1, 3))),
        ReadyDocument("x", "", "A pump.", [ChunkSpan(1, 0, 7, None, None, "")], np.ones((1, 3))),
        ReadyDocument("x", "", "A pump.", [ChunkSpan(0, 0, 7, None, None, "")], np.ones((1, 4))),
        ReadyDocument("x", "", "A pump.", [ChunkSpan(0, 0, 7, None, None, "")], np.full((1, 3), np.nan)),
        ReadyDocument("x", "", "A \0 pump.", [ChunkSpan(0, 0, 9, None, None, "")], np.ones((1, 3))),
    ],
)
def test_what_does_not_fit_together_is_refused_with_all_that_came_with_it(ada, collection, model, document):
    with pytest.raises(BadInput):
        add(ada, collection, model, ready("a", "A pump."), document)

    assert not Document.objects.exists() and not Lexeme.objects.filter(frequency__gt=0).exists()


def test_who_may_not_write_to_the_collection_may_not_load_into_it(ada, model):
    theirs = create_collection(make_user("bob"), name="Theirs", everyone=True)

    with pytest.raises(Forbidden):
        add(ada, theirs, model, ready("a", "A pump."))

    assert not Document.objects.exists()
