"""Calls of models as comma-separated values, for spreadsheets and bookkeeping."""

import csv
from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.http import StreamingHttpResponse

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from rag.models import ModelCall

COLUMNS = (
    "begun_at", "purpose", "outcome", "model", "user__username", "room__name", "assistant__username", "answer_id",
    "attempt", "input_tokens", "output_tokens", "cache_write_tokens", "cache_read_tokens", "is_estimate",
    "input_price", "output_price", "cache_write_price", "cache_read_price", "cost", "error_code",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Line:
    """A file of one line, as `csv.writer` wants it."""

    def write(self, line: str) -> str:
        return line


def calls_as_csv(calls: "QuerySet[ModelCall]") -> StreamingHttpResponse:
    """A download of the calls, oldest first, however many there are. Times are UTC, costs and prices USD."""
    response = StreamingHttpResponse(csv_lines(calls), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="model-calls.csv"'
    return response


def csv_lines(calls: "QuerySet[ModelCall]") -> Iterator[str]:
    """The head and a line for each call."""
    writer = csv.writer(_Line())
    yield writer.writerow([name.replace("__", "_") for name in COLUMNS])
    for row in calls.order_by("pk").values_list(*COLUMNS).iterator(chunk_size=2000):
        yield writer.writerow([_cell(value) for value in row])


def _cell(value: object) -> str:
    """Names that people chose must not become formulas (OWASP, "CSV Injection")."""
    if value is None:
        return ""
    text = f"{value:f}" if hasattr(value, "as_tuple") else str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
