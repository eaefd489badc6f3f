"""The index over the terms of chunks, made by migration 0002; here for loads that build it afterwards."""

from django.db import connection

_NAME = "rag_lexicalvector_terms"


def make_index() -> None:
    """Have a valid index, built beside readers and writers. Only one process may do so at a time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [_NAME])
        found = cursor.fetchone()
        if found == (True,):
            return
        if found is not None:  # what an interrupted build left is never used
            drop_index()
        cursor.execute(
            f"CREATE INDEX {_concurrently()} IF NOT EXISTS {_NAME} ON rag_lexicalvector"
            " USING gin (rag_term_ids(weights)) WITH (fastupdate = off)"
        )


def drop_index() -> None:
    """Remove it, if it is there; searches and writers go on meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {_concurrently()} IF EXISTS {_NAME}")


def _concurrently() -> str:
    return "" if connection.in_atomic_block else "CONCURRENTLY"
