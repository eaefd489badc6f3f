"""A run, and what changed since another one, as lines for a terminal; and the comparison that pages show, too."""

from collections.abc import Iterator

from rag.evaluation.comparison import Change, Comparison, compare
from rag.evaluation.metrics import Scores
from rag.models import EvaluationResult, EvaluationRun

HEAD = f"{'nDCG@10':>8} {'recall':>8} {'MRR':>8}"
_TEXT_CHARACTERS = 70


def run_before(run: EvaluationRun) -> EvaluationRun | None:
    """The run of the same set that was done last before this one."""
    earlier = EvaluationRun.objects.filter(
        golden_set=run.golden_set_id, pk__lt=run.pk, status=EvaluationRun.Status.DONE
    )
    return earlier.order_by("-pk").first()


def compare_runs(before: EvaluationRun, after: EvaluationRun) -> Comparison:
    """What changed from one run to the other; questions that were deleted since are left out."""
    return compare(_scores_by_question(before), _scores_by_question(after))


def _scores_by_question(run: EvaluationRun) -> dict[int, Scores]:
    results = run.results.exclude(question=None).only("question_id", "ndcg", "recall", "mrr")
    return {result.question_id: result.scores for result in results if result.question_id is not None}


def texts_of(*runs: EvaluationRun) -> dict[int, str]:
    """The questions of runs by id, as the last of them asked it."""
    results = EvaluationResult.objects.filter(run__in=runs).exclude(question=None).order_by("run")
    return {pk: text for pk, text in results.values_list("question", "text") if pk is not None}


def report(run: EvaluationRun, before: EvaluationRun | None = None) -> Iterator[str]:
    """Lines: a table of the run's questions and means; with `before`, what changed since."""
    yield f"{run}, {run.question_count} questions, recall@{run.configuration.get('top_k', '?')}"
    yield ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in sorted(run.configuration.items()))
    yield ""
    yield HEAD
    for result in run.results.order_by("ndcg", "question"):
        yield f"{_row(result.scores)}  {_short(result.text)}"
    if run.ndcg is not None and run.recall is not None and run.mrr is not None:
        yield f"{_row(Scores(run.ndcg, run.recall, run.mrr))}  mean"
    if before is not None:
        yield ""
        yield from _report_changes(before, run)


def _report_changes(before: EvaluationRun, after: EvaluationRun) -> Iterator[str]:
    found = compare_runs(before, after)
    if found.before is None or found.after is None:
        yield f"No question in common with {before}."
        return
    yield f"Since {before}:"
    yield f"{_row(found.before)}  mean then, of the questions of both"
    yield f"{_row(found.after)}  mean now"
    texts = texts_of(before, after)
    for title, changes in (("better", found.better), ("worse", found.worse)):
        yield f"{len(changes)} {title}"
        for change in changes:
            yield f"{_change(change)}  {_short(texts[change.question])}"
    yield f"{found.same} the same, {len(found.only_after)} new, {len(found.only_before)} gone"


def _row(scores: Scores) -> str:
    return f"{scores.ndcg:8.3f} {scores.recall:8.3f} {scores.mrr:8.3f}"


def _change(change: Change) -> str:
    return f"{change.before.ndcg:8.3f} {'->':>3} {change.after.ndcg:.3f}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TEXT_CHARACTERS else line[: _TEXT_CHARACTERS - 1] + "…"
