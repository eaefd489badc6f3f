"""The error log as lines of text."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rag.problems.corrections import as_line, correction_of

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from rag.models import Problem


def lines(problems: "QuerySet[Problem]") -> Iterator[str]:
    """One line for each problem, the latest first; how often and where are told with what failed."""
    for problem in problems.order_by("-last_seen", "pk"):
        where = f" ({problem.place})" if problem.place else ""
        often = f", {problem.count} times" if problem.count > 1 else ""
        yield as_line(
            problem.last_seen.date(),
            problem.category,
            f"{problem.code}{where}: {problem.what}{often}",
            correction_of(problem.code, problem.correction),
        )
