"""`manage.py retrieval evaluate`: a run in the foreground."""

import argparse
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from chat.errors import DomainError
from rag.actions.evaluation import start_evaluation
from rag.evaluation.report import report, run_before
from rag.jobs.local_worker import work_until
from rag.management.progress import ProgressBar
from rag.models import EvaluationRun, GoldenSet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of `retrieval evaluate`."""
    parser.add_argument("--set", required=True, metavar="NAME", help="the golden set (see the admin)")
    parser.add_argument("--note", default="", help="what is tried; kept with the run")
    parser.add_argument(
        "--against", type=int, metavar="RUN", help="compare with this run (the one before, of the same set)"
    )


def evaluate(options: dict[str, Any], out: OutputWrapper) -> None:
    """Run the set and print its table, and what changed. Other workers may do it, this process helps.

    Raises:
        CommandError: there is no such set or run, nothing to ask, or the run failed or was interrupted.
    """
    golden_set = GoldenSet.objects.filter(name__iexact=options["set"]).first()
    if golden_set is None:
        raise CommandError(f"There is no golden set named {options['set']!r}.")
    against = _run_of(golden_set, options["against"])
    try:
        run = start_evaluation(None, set_id=golden_set.pk, note=options["note"])
    except DomainError as error:
        raise CommandError(error.message) from None
    _wait_for(run)
    for line in report(run, against or run_before(run)):
        out.write(line)


def _run_of(golden_set: GoldenSet, run_id: int | None) -> EvaluationRun | None:
    if run_id is None:
        return None
    run = EvaluationRun.objects.filter(pk=run_id, golden_set=golden_set).first()
    if run is None:
        raise CommandError(f"{golden_set} has no run {run_id}.")
    return run


def _wait_for(run: EvaluationRun) -> None:
    bar = ProgressBar()

    def has_ended() -> bool:
        run.refresh_from_db()
        bar.show(run.done_count, run.question_count, f"{run.done_count} of {run.question_count} questions")
        return run.finished_at is not None

    ended = work_until(has_ended)
    bar.close()
    if not ended:
        raise CommandError("Interrupted. A worker does the rest.")
    if run.status == EvaluationRun.Status.FAILED:
        raise CommandError(run.error)
