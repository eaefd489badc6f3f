"""Notes of what failed."""

import logging

from django.db import DatabaseError, connection, transaction

from rag.models import Problem

logger = logging.getLogger(__name__)

_NOTE = """
insert into rag_problem (category, code, place, what, correction, advice, count, first_seen, last_seen)
values (%s, %s, %s, %s, '', '', 1, now(), now())
on conflict (category, code, place) do update
    set count = least(rag_problem.count::bigint + 1, 2147483647), what = excluded.what, last_seen = excluded.last_seen
"""


def note_problem(category: str, code: str, what: str, *, place: str = "") -> None:
    """Count one more failure of this kind. Whoever reports one has enough trouble: what cannot be noted is logged.

    Not part of a transaction that may yet be rolled back: the failure happened.
    """
    try:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute(_NOTE, [category, code[:40], place[:200], what[:500]])
    except DatabaseError:
        logger.exception("%s %s could not be noted", code, what)


def advice_on(code: str) -> str:
    """What admins want those told who meet this code, or ""."""
    notes = Problem.objects.filter(code=code).exclude(advice="").order_by("-last_seen")
    return notes.values_list("advice", flat=True).first() or ""
