"""Golden questions and the runs that ask them."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from chat.errors import Conflict
from rag.actions.evaluation import make_golden_question, plain_question, start_evaluation
from rag.embeddings import EmbeddingError, building, configuration
from rag.evaluation import running
from rag.ingestion import flow
from rag.jobs import upkeep
from rag.models import (
    Answer,
    AnswerRating,
    Chunk,
    Collection,
    Document,
    EvaluationRun,
    GoldenDocument,
    GoldenQuestion,
    GoldenSet,
)
from rag.tests.conftest import chat_model
from rag.tests.embedders import ScriptedEmbedder
from rag.tests.library import make_collection, make_user

pytestmark = pytest.mark.django_db(transaction=True)

WHALES, PUMPS = "Humpback whales sing.", "The hydraulic pump stays below six bar."


@pytest.fixture
def embedder(monkeypatch) -> ScriptedEmbedder:
    embedder = ScriptedEmbedder({"music": (1, 0, 0), "whales": (1, 0, 0), "pump": (0, 1, 0)})
    # Those of upkeep and building, too: a worker's periodic jobs may be due while the command helps out.
    for place in (configuration, flow, upkeep, building):
        monkeypatch.setattr(place, "configured_embedder", lambda: embedder)
    return embedder


@pytest.fixture
def library(ada, embedder) -> Collection:
    collection = make_collection(ada, "library", WHALES, PUMPS, "A canary.")
    for document in Document.objects.order_by("pk"):
        flow.embed_document(document.pk)
    return collection


@pytest.fixture
def golden(library) -> GoldenSet:
    return GoldenSet.objects.create(name="Basics")


def document_of(text: str) -> Document:
    return Chunk.objects.get(text=text).document


def ask(golden: GoldenSet, user, text: str, *relevant: Document, **fields) -> GoldenQuestion:
    question = GoldenQuestion.objects.create(
        golden_set=golden, text=text, asked_by=user, **{"accepted": True, **fields}
    )
    for document in relevant:
        GoldenDocument(question=question, document=document).save()
    return question


def run(golden: GoldenSet) -> EvaluationRun:
    started = start_evaluation(None, set_id=golden.pk)
    assert running.run_evaluation(started.pk)
    started.refresh_from_db()
    return started


def test_a_run_keeps_scores_of_each_question_their_means_and_what_was_searched_with(ada, golden):
    ask(golden, ada, "Which animals make music?", document_of(WHALES))
    ask(golden, ada, "the pressure of the hydraulic pump", document_of(PUMPS), document_of("A canary."))
    ask(golden, ada, "a candidate", document_of(PUMPS), accepted=False)
    ask(golden, ada, "an answer nobody knows")

    done = run(golden)

    assert (done.status, done.done_count, done.question_count) == ("done", 2, 2)
    assert done.configuration["embedder"] == "scripted" and done.configuration["top_k"] == 20
    first, second = done.results.order_by("pk")
    assert (first.ndcg, first.recall, first.mrr) == (1, 1, 1)
    assert first.found[0] == {
        "id": document_of(WHALES).pk, "title": "", "score": first.found[0]["score"], "grade": 1
    }  # fmt: skip
    assert second.mrr == 1 and second.asked_as == "ada"
    assert done.ndcg == pytest.approx((1 + second.ndcg) / 2)


def test_a_question_is_asked_with_the_rights_of_its_user(grace, golden):
    ask(golden, grace, "Which animals make music?", document_of(WHALES))

    done = run(golden)

    assert (done.ndcg, done.results.get().found) == (0, [])


def test_a_later_version_of_a_relevant_document_counts_as_it(ada, golden):
    from rag.actions.texts import add_text

    old = document_of(WHALES)
    question = ask(golden, ada, "Which animals make music?", old)
    new = add_text(
        ada, collection_id=old.collection_id, source=old.source, title="", text="The whales make music."
    )
    flow.embed_document(new.pk)
    old.delete()

    assert run(golden).ndcg == 1
    new.delete()
    assert run(golden).ndcg == 0, "a document that is gone is still missed"
    assert question.relevant.get().document is None


def test_a_run_that_is_stopped_goes_on_where_it_was(ada, golden):
    for text in ("music", "whales", "whales sing"):
        ask(golden, ada, text, document_of(WHALES))
    started = start_evaluation(None, set_id=golden.pk)

    assert not running.run_evaluation(started.pk, should_stop=lambda: True)
    started.refresh_from_db()
    assert (started.status, started.done_count, started.question_count) == ("running", 1, 3)
    assert ProcrastinateJob.objects.filter(task_name="rag.run_evaluation").count() == 2
    [first] = started.results.values_list("pk", flat=True)

    assert running.run_evaluation(started.pk)
    started.refresh_from_db()
    assert (started.status, started.done_count, started.ndcg) == ("done", 3, 1)
    assert first in started.results.values_list("pk", flat=True)
    assert running.run_evaluation(started.pk), "again without harm"


def test_a_search_that_changes_during_a_run_fails_it(ada, golden, monkeypatch):
    for text in ("music", "whales"):
        ask(golden, ada, text, document_of(WHALES))
    started = start_evaluation(None, set_id=golden.pk)
    running.run_evaluation(started.pk, should_stop=lambda: True)
    monkeypatch.setattr("rag.retrieval.search.WEIGHT_KNOWN_LANGUAGE", 0.1)

    assert running.run_evaluation(started.pk)

    started.refresh_from_db()
    assert (started.status, started.error, started.ndcg) == ("failed", running.SEARCH_CHANGED, None)


def test_a_question_that_could_not_be_embedded_is_not_measured(ada, golden, embedder, monkeypatch):
    ask(golden, ada, "whales", document_of(WHALES))
    started = start_evaluation(None, set_id=golden.pk)

    def fail(text):
        raise EmbeddingError("down", retryable=True)

    monkeypatch.setattr(embedder, "embed_query", fail)
    with pytest.raises(EmbeddingError):
        running.run_evaluation(started.pk)
    assert not started.results.exists()


def test_a_set_without_questions_is_not_run(ada, golden):
    ask(golden, ada, "a candidate", document_of(PUMPS), accepted=False)
    with pytest.raises(Conflict):
        start_evaluation(None, set_id=golden.pk)
    assert not EvaluationRun.objects.exists() and not ProcrastinateJob.objects.filter(
        task_name="rag.run_evaluation"
    )


def evaluate(*arguments: str) -> str:
    out = io.StringIO()
    call_command("retrieval", "evaluate", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_prints_the_table_and_what_changed(ada, golden):
    ask(golden, ada, "Which animals make music?", document_of(WHALES))
    lost = ask(golden, ada, "a canary", document_of("A canary."))
    ask(golden, ada, "pump", document_of(PUMPS))
    run(golden)
    lost.relevant.all().delete()
    GoldenDocument(question=lost, document=document_of(PUMPS)).save()

    printed = evaluate("--set", "basics", "--note", "worse on purpose").splitlines()

    assert "   1.000    1.000    1.000  Which animals make music?" in printed
    assert any(line.endswith("mean now") for line in printed)
    place = printed.index("1 worse")
    assert printed[place + 1].endswith("a canary") and printed[place + 1].split()[0] == "1.000"
    assert "0 better" in printed and "2 the same, 0 new, 0 gone" in printed
    assert EvaluationRun.objects.order_by("pk").last().note == "worse on purpose"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--set", "nowhere"), "no golden set"),
        (("--set", "Basics"), "no accepted question"),
        (("--set", "Basics", "--against", "99"), "no run 99"),
    ],
)
def test_the_command_says_what_it_cannot_do(golden, arguments, problem):
    with pytest.raises(CommandError, match=problem):
        evaluate(*arguments)


@pytest.fixture
def rating(ada, grace, question, parley, library) -> AnswerRating:
    message = chat_model("Message").objects.create(
        room=question.room, author=parley, kind="answer", client_id="a", version=9, posted_version=9
    )
    answer = Answer.objects.create(
        question=question, message=message, assistant=parley, asked_by=ada, finished_at=timezone.now()
    )
    for rank, (text, cited) in enumerate(((WHALES, True), (PUMPS, False)), 1):
        answer.passages.create(
            chunk=Chunk.objects.get(text=text), rank=rank, score=1, cited=cited, text_sha256="x"
        )
    return AnswerRating.objects.create(
        answer=answer, user=grace, helpful=False, reason="about whales, why?", attempt=1
    )


def test_a_rating_becomes_one_candidate_with_question_user_and_cited_documents(ada, rating):
    made = make_golden_question(rating.pk)

    assert make_golden_question(rating.pk) == made and GoldenQuestion.objects.count() == 1
    assert (made.text, made.asked_by, made.accepted, made.note, made.golden_set.name) == (
        "How many days of leave do I get?",
        ada,
        False,
        "about whales, why?",
        "Feedback",
    )
    assert [relevant.document for relevant in made.relevant.all()] == [document_of(WHALES)]


def test_mentions_at_the_beginning_are_no_part_of_a_question():
    assert plain_question("@parley  @ada what\nis it, @grace?") == "what is it, @grace?"
    assert plain_question("@parley") == "@parley"


def test_users_of_golden_questions_need_not_stay(golden):
    gone = make_user("gone")
    ask(golden, gone, "music", document_of(WHALES))
    gone.delete()
    assert not GoldenQuestion.objects.exists()
