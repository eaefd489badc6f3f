import math

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from rag.actions.texts import add_text
from rag.embeddings import EmbeddingError
from rag.ingestion import flow
from rag.models import Document
from rag.retrieval import statement
from rag.retrieval.filters import SearchFilters
from rag.retrieval.search import Audience, dense_weight, search, search_passages
from rag.tests.embedders import ScriptedEmbedder
from rag.tests.library import make_collection, make_user
from rag.text.languages import guess_language

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return make_user("ada")


def embed_all(embedder: ScriptedEmbedder) -> None:
    for pk in Document.objects.values_list("pk", flat=True):
        flow.embed_document(pk, embedder=embedder)


def find(question: str, embedder: ScriptedEmbedder | None = None, **options):
    return search(Audience.everything(), question, embedder=embedder or ScriptedEmbedder(), **options)


def bm25_weight(tf: int, length: int, average: float = 100.0) -> float:
    return tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * length / average))


def idf(df: int, n: int) -> float:
    return math.log(1 + (n - df + 0.5) / (df + 0.5))


def test_scores_are_bm25_cosine_and_their_convex_sum(ada):
    embedder = ScriptedEmbedder({"pump": (1, 0, 0), "valve": (3, 4, 0), "whale": (0, 1, 0)})
    make_collection(ada, "c", "pump pump station", "valve station", "whale song")
    embed_all(embedder)

    passages = find("pump station", embedder)

    by_text = {passage.text: passage for passage in passages}
    pump, valve, whale = (by_text[text] for text in ("pump pump station", "valve station", "whale song"))
    # Three chunks; "pump" is in one, "station" in two.
    pump_idf, station_idf = idf(1, 3), idf(2, 3)
    upper = 2.2 * (pump_idf + station_idf)
    pump_bm25 = pump_idf * bm25_weight(2, 3) + station_idf * bm25_weight(1, 3)
    valve_bm25 = station_idf * bm25_weight(1, 2)
    assert pump.bm25 == pytest.approx(pump_bm25, rel=1e-4)
    assert valve.bm25 == pytest.approx(valve_bm25, rel=1e-4)
    assert whale.bm25 == 0
    assert (pump.cosine, valve.cosine, whale.cosine) == pytest.approx((1.0, 0.6, 0.0), abs=1e-3)
    # The least of fewer than 100 cosines, the whale's 0, is the base line.
    assert pump.score == pytest.approx(0.6 * 1.0 + 0.4 * pump_bm25 / upper, rel=1e-3)
    assert valve.score == pytest.approx(0.6 * 0.6 + 0.4 * valve_bm25 / upper, rel=1e-3)
    assert whale.score == pytest.approx(0, abs=1e-3)
    assert [passage.text for passage in passages] == ["pump pump station", "valve station", "whale song"]


def test_words_of_the_title_and_headings_count_three_times(ada):
    collection = make_collection(ada, "c", "whale song")
    add_text(ada, collection_id=collection.pk, source="t", title="Pump", text="station")

    [passage] = find("pump")

    assert passage.document_title == "Pump"
    assert passage.bm25 == pytest.approx(idf(1, 2) * bm25_weight(3, 2), rel=1e-4)


def test_without_any_vector_words_alone_decide(ada):
    make_collection(ada, "c", "pump station", "whale song")

    [passage] = find("pump station")

    assert passage.text == "pump station"
    assert passage.cosine is None
    assert passage.score == pytest.approx(0.4 * passage.bm25 / (2.2 * 2 * idf(1, 2)), rel=1e-4)


def test_a_chunk_whose_vector_is_still_to_come_is_not_put_behind_worse_ones(ada):
    embedder = ScriptedEmbedder({"pump": (1, 0, 0), "whale": (0, 1, 0)})
    make_collection(ada, "old", "pump and much else about gardens", "whale song")
    embed_all(embedder)
    make_collection(ada, "new", "pump station")

    first, second, *_ = find("pump station", embedder)

    assert (first.text, first.cosine) == ("pump station", None)
    assert second.text == "pump and much else about gardens"


def test_a_failing_embedder_leaves_the_words(ada, caplog):
    class Failing(ScriptedEmbedder):
        def embed_query(self, text):
            raise EmbeddingError("server is down", retryable=True)

    make_collection(ada, "c", "pump station")
    embed_all(ScriptedEmbedder())

    assert [passage.text for passage in find("pump", Failing())] == ["pump station"]
    assert "server is down" in caplog.text


def test_vectors_of_another_model_are_not_compared(ada):
    make_collection(ada, "c", "pump station")
    embed_all(ScriptedEmbedder({"pump": (1, 0, 0)}))

    [passage] = find("pump", ScriptedEmbedder({"pump": (1, 0, 0)}, name="another"))

    assert passage.cosine is None


@pytest.mark.parametrize(
    "question",
    ["", "   ", "\x00", "\ud800 \x1b", "the of and", "🙂", "''; DROP TABLE rag_chunk; --", "%s %(x)s {0}"],
)
def test_questions_without_a_known_word_find_nothing_and_break_nothing(ada, question):
    make_collection(ada, "c", "pump station")

    assert find(question) == []


def test_a_very_long_question_is_cut(ada):
    make_collection(ada, "c", "pump station")

    assert find("pump " * 50_000)[0].text == "pump station"


def test_at_most_top_k_passages_come_back(ada):
    make_collection(ada, "c", *(f"pump number {n}" for n in range(5)))

    assert len(find("pump", top_k=3)) == 3
    assert find("pump", top_k=0) == []


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("diff executor", "struct DiffExecutor holds two"),
        ("max upload bytes", "settings.MAX_UPLOAD_BYTES is a number"),
        ("cafe menu", "The café's menu"),
        ("Übersicht", "Eine Ubersicht der Dinge"),
        ("running", "He runs every day"),
    ],
)
def test_words_meet_across_spellings(ada, question, text):
    make_collection(ada, "c", text, "whale song")

    assert [passage.text for passage in find(question)] == [text]


def test_a_misspelt_word_is_taken_for_the_nearest_known_one(ada):
    make_collection(ada, "c", *(f"Hydraulic press {n}" for n in range(3)), "whale song")

    assert len(find("hydrualic")) == 3
    assert find("hydra") == [], "too far from any"


@pytest.mark.parametrize(
    "question", ["orhcid", "orcid", "xrchid", "orchhid", "labirynth", "lbyrinht", "labyrnnthh"]
)
def test_words_are_found_wherever_they_are_misspelt(ada, question):
    make_collection(ada, "c", *["orchid", "labyrinth"] * 3)

    assert {passage.text for passage in find(question)} == {"orchid" if len(question) < 8 else "labyrinth"}


def test_new_words_are_in_the_index_over_trigrams_at_once(ada):
    with connection.cursor() as cursor:
        cursor.execute("SELECT reloptions FROM pg_class WHERE relname = 'rag_lexeme_trigrams'")
        assert cursor.fetchone() == (["fastupdate=off"],)


def test_misspellings_do_not_reach_rare_words(ada):
    make_collection(ada, "c", "Hydraulic press")

    assert find("hydrualic") == []


def test_a_failed_document_is_never_found(ada):
    make_collection(ada, "c", "pump station")
    Document.objects.update(status="failed", error_code="X")

    assert find("pump") == []


def test_german_function_words_of_a_question_do_not_count(ada):
    make_collection(
        ada, "c", "Die Pumpe läuft", "Wie der Wal singt und wer die Lieder hört", *("pump it up",) * 0
    )

    [first, *_] = find("Wie wird die Pumpe von wem gewartet und wer ist das")

    assert first.text == "Die Pumpe läuft"
    assert len(find("Wie wird die Pumpe von wem gewartet und wer ist das")) == 1


def test_meaning_counts_less_where_an_english_model_meets_another_language():
    english, german = guess_language("What is the limit?"), guess_language("Wie hoch ist die Grenze?")

    assert dense_weight("all-MiniLM-L6-v2-onnx-int8", english) == 0.6
    assert dense_weight("all-MiniLM-L6-v2-onnx-int8", german) == 0.4
    assert dense_weight("multilingual-e5-small", german) == 0.6


def test_a_search_takes_four_short_statements(ada):
    make_collection(ada, "c", "pump station")
    embed_all(ScriptedEmbedder())

    with CaptureQueriesContext(connection) as queries:
        find("pump")

    # The model, the session's settings, the spelling and the search itself; and the savepoint of a test's transaction.
    assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) == 4


def test_both_ways_of_finding_candidates_find_the_same(ada, monkeypatch):
    embedder = ScriptedEmbedder({"pump": (1, 0, 0), "valve": (3, 4, 0), "whale": (0, 1, 0)})
    make_collection(ada, "c", "pump station", "valve station", "whale song", "pump house rules")
    other = make_collection(ada, "other", *(f"pump station {n}" for n in range(12)))
    embed_all(embedder)
    everything = find("pump station", embedder, top_k=50)
    narrow = find("pump station", embedder, filters=SearchFilters(collection_ids=(other.pk,)))

    monkeypatch.setattr(statement, "LEXICAL_EXACT_CHUNKS", 0)
    monkeypatch.setattr(statement, "DENSE_EXACT_CHUNKS", 0)

    assert find("pump station", embedder, top_k=50) == everything
    assert len(everything) == 16
    assert find("pump station", embedder, filters=SearchFilters(collection_ids=(other.pk,))) == narrow


def test_words_written_apart_find_those_written_together(ada):
    make_collection(ada, "c", "Backup: copy the data folder", "How to stand up straight", "whale song")

    assert [passage.text for passage in find("how do I back up?")] == ["Backup: copy the data folder"]


def test_who_says_the_same_again_is_left_out_and_others_come_instead(ada):
    make_collection(ada, "a", "The pump must run.", "pump station number nine in the old town")
    make_collection(ada, "b", *(f"{mark} THE pump must run" for mark in ("", "-", "*", "//")))

    assert [passage.text for passage in find("must the pump run?", top_k=2)] == [
        "The pump must run.",
        "pump station number nine in the old town",
    ]


def test_chunks_that_follow_each_other_are_one_passage_for_people_to_read(ada):
    collection = make_collection(ada, "c", "whale song")
    text = " ".join(
        f"The pump in hall {n} has its own {word} and hums." for n, word in enumerate(["valve"] * 40)
    )
    add_text(ada, collection_id=collection.pk, source="long", title="Pumps", text=text)

    found = search_passages(Audience.everything(), "pump hall", embedder=ScriptedEmbedder())
    [whole, *rest] = found.passages

    chunks = [passage.text for passage in find("pump hall")]
    assert len(chunks) >= 3 and whole.chunk_count == 3
    assert whole.text == text[whole.start : whole.start + len(whole.text)]
    assert len(whole.text) > len(max(chunks, key=len))
    assert whole.chunk_count + sum(passage.chunk_count for passage in rest) == len(chunks)
