"""Golden questions from ratings, and runs of golden sets, step by step: each step may be repeated without harm."""

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Avg, Count, QuerySet
from django.utils import timezone

from chat.errors import Conflict
from rag.actions.documents import INGEST_PRIORITY
from rag.evaluation.metrics import Scores
from rag.jobs.enqueueing import DOCUMENTS, enqueue
from rag.models import (
    AnswerPassage,
    AnswerRating,
    Document,
    EvaluationResult,
    EvaluationRun,
    GoldenDocument,
    GoldenQuestion,
    GoldenSet,
)

if TYPE_CHECKING:
    from chat.models import User

FEEDBACK_SET = "Feedback"  # where questions from ratings go; admins may move them
_OPEN = (EvaluationRun.Status.QUEUED, EvaluationRun.Status.RUNNING)


def questions_to_ask(set_id: int) -> QuerySet[GoldenQuestion]:
    """The accepted questions of a set that have a relevant document, in order."""
    questions = GoldenQuestion.objects.filter(golden_set=set_id, accepted=True)
    return questions.annotate(known=Count("relevant")).filter(known__gt=0).order_by("pk")


def start_evaluation(user: "User | None", *, set_id: int, note: str = "") -> EvaluationRun:
    """A run over the set's accepted questions, and the job that asks them.

    Raises:
        Conflict: there is no question to ask.
    """
    with transaction.atomic(durable=True):
        count = questions_to_ask(set_id).count()
        if not count:
            raise Conflict("This set has no accepted question with a relevant document.")
        run = EvaluationRun.objects.create(
            golden_set_id=set_id, started_by=user, note=note[:200], question_count=count
        )
        _enqueue(run.pk)
    return run


def begin_evaluation(run_id: int, configuration: dict[str, Any]) -> EvaluationRun | None:
    """The run, RUNNING; None if it ended or is gone. The configuration is kept by whoever begins it first."""
    with transaction.atomic(durable=True):
        run = _lock(run_id)
        if run is not None and run.status == EvaluationRun.Status.QUEUED:
            run.status, run.configuration = EvaluationRun.Status.RUNNING, configuration
            run.save(update_fields=["status", "configuration"])
    return run


def store_result(
    run_id: int, question: GoldenQuestion, scores: Scores, *, found: list[dict[str, Any]], search_ms: float
) -> bool:
    """Keep what became of one question; one that has its result keeps it. False if the run ended or is gone."""
    with transaction.atomic(durable=True):
        run = _lock(run_id)
        if run is None:
            return False
        # Deleted meanwhile: the run asks one question less.
        if GoldenQuestion.objects.select_for_update(no_key=True).filter(pk=question.pk).exists():
            EvaluationResult.objects.get_or_create(
                run=run,
                question=question,
                defaults={
                    "text": question.text,
                    "asked_as": question.asked_by.get_username(),
                    "ndcg": scores.ndcg,
                    "recall": scores.recall,
                    "mrr": scores.mrr,
                    "found": found,
                    "search_ms": search_ms,
                },
            )
        run.done_count = run.results.count()
        run.save(update_fields=["done_count"])
    return True


def finish_evaluation(run_id: int) -> None:
    """DONE, with the means over its results; FAILED where all its questions were taken away meanwhile."""
    with transaction.atomic(durable=True):
        run = _lock(run_id)
        if run is None:
            return
        means = run.results.aggregate(Avg("ndcg"), Avg("recall"), Avg("mrr"))
        run.ndcg, run.recall, run.mrr = means["ndcg__avg"], means["recall__avg"], means["mrr__avg"]
        run.question_count = run.done_count = run.results.count()
        run.status = EvaluationRun.Status.DONE if run.done_count else EvaluationRun.Status.FAILED
        run.error = "" if run.done_count else "All its questions were taken away."
        run.finished_at = timezone.now()
        run.save()


def fail_evaluation(run_id: int, reason: str) -> None:
    """FAILED with the reason; a run that ended stays as it is."""
    with transaction.atomic(durable=True):
        run = _lock(run_id)
        if run is not None:
            run.status, run.error, run.finished_at = EvaluationRun.Status.FAILED, reason[:500], timezone.now()
            run.save(update_fields=["status", "error", "finished_at"])


def continue_evaluation(run_id: int) -> None:
    """Enqueue the rest of a run."""
    with transaction.atomic(durable=True):
        if _lock(run_id) is not None:
            _enqueue(run_id)


def make_golden_question(rating_id: int) -> GoldenQuestion:
    """The candidate made of a rated answer: its question, as who asked it, with the cited documents as suggestions.

    It is in the set `FEEDBACK_SET` until somebody moves it, and in no run until somebody accepts it. A rating has one.
    """
    with transaction.atomic(durable=True):
        rating = (
            AnswerRating.objects.select_for_update(of=("self",))
            .select_related("answer__question", "answer__asked_by", "golden_question")
            .get(pk=rating_id)
        )
        if made := GoldenQuestion.objects.filter(rating=rating).first():
            return made
        answer = rating.answer
        question = GoldenQuestion.objects.create(
            golden_set=_feedback_set(),
            text=plain_question(answer.question.text),
            asked_by=answer.asked_by,
            rating=rating,
            note=rating.reason,
        )
        cited = AnswerPassage.objects.filter(answer=answer, cited=True).values("chunk__document")
        for document in Document.objects.filter(pk__in=cited).order_by("pk"):
            GoldenDocument(question=question, document=document).save()
    return question


def accept_questions(questions: QuerySet[GoldenQuestion], *, accepted: bool) -> int:
    """Have runs ask these questions from now on, or not. Gives the number of those that changed."""
    with transaction.atomic(durable=True):
        return questions.exclude(accepted=accepted).update(accepted=accepted)


def plain_question(text: str) -> str:
    """A message without the mentions that it begins with: what the assistant searches for."""
    words = text.split()
    while words and words[0].startswith("@"):
        words.pop(0)
    return " ".join(words) or text


def _feedback_set() -> GoldenSet:
    found = GoldenSet.objects.filter(name__iexact=FEEDBACK_SET).first()
    return found or GoldenSet.objects.create(
        name=FEEDBACK_SET, description="Questions whose answers somebody did not find helpful."
    )


def _lock(run_id: int) -> EvaluationRun | None:
    """Step: the run under its lock, if it has not ended."""
    return EvaluationRun.objects.select_for_update().filter(pk=run_id, status__in=_OPEN).first()


def _enqueue(run_id: int) -> None:
    enqueue("rag.run_evaluation", queue=DOCUMENTS, priority=INGEST_PRIORITY, run_id=run_id)
