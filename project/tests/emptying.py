"""The database emptied after a test that commits, in milliseconds.

Django's own flush truncates every table, which makes new files for each and its indexes, and then writes the content
types and permissions anew: more than a tenth of a second after each of the many tests that commit.
"""

import time
from collections.abc import Callable
from typing import Any

from django.db import OperationalError, connection, transaction
from django.test import TransactionTestCase
from psycopg.errors import DeadlockDetected, LockNotAvailable

TIMEOUT_S = 60.0
# Spared are the tables that `migrate` fills, the same for every test. Writers are locked out, as by TRUNCATE: what
# another connection is about to commit is waited for. Whoever holds one table and waits for another goes first: the
# locks here are let go soon, before PostgreSQL looks for deadlocks. Few rows are deleted, without triggers, since all
# rows go. Where a table grew large (with the rows that are dead since earlier tests), and where the tests' role may
# not switch triggers off, all tables are truncated.
_EMPTY = """
do $$
declare
    spared constant text[] := array['django_migrations', 'django_content_type', 'auth_permission'];
    large_bytes constant bigint := 256 * 1024;
    every_table regclass[];
    largest bigint;
    one regclass;
    is_filled boolean;
begin
    set local lock_timeout = '100ms';
    select array_agg(oid::regclass order by oid), max(pg_relation_size(oid)) into every_table, largest from pg_class
        where relkind = 'r' and relnamespace = 'public'::regnamespace and relname <> all (spared);
    if largest > large_bytes or not has_parameter_privilege('session_replication_role', 'set') then
        execute format('truncate %s', array_to_string(every_table, ', '));
        return;
    end if;
    execute format('lock table %s in exclusive mode', array_to_string(every_table, ', '));
    set local session_replication_role = replica;
    foreach one in array every_table loop
        execute format('select exists (select from %s)', one) into is_filled;
        if is_filled then
            execute format('delete from %s', one);
        end if;
    end loop;
end $$
"""


def empty_tables() -> None:
    """Remove every row that a test may have left, those of the job queue included.

    Raises:
        OperationalError: for a minute somebody was always writing.
    """
    give_up_at = time.monotonic() + TIMEOUT_S
    while True:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(_EMPTY)
            return
        except OperationalError as error:
            is_busy = isinstance(error.__cause__, LockNotAvailable | DeadlockDetected)
            if not is_busy or time.monotonic() > give_up_at:
                raise


def empty_tables_after_tests(wait_for_writers: Callable[[], None]) -> None:
    """Let a test that commits end with these two in place of Django's flush, which has no other seam."""

    def teardown(case: Any) -> None:
        wait_for_writers()
        empty_tables()

    TransactionTestCase._fixture_teardown = teardown  # type: ignore[attr-defined]
