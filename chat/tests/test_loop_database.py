"""Statements that the event loop sends to PostgreSQL itself."""

import asyncio
from threading import Event

import pytest
from django.db import DataError, OperationalError, ProgrammingError, connection
from hypothesis import given
from hypothesis import strategies as st

from chat import loop_database
from chat.database import run_in_db
from chat.loop_database import LoopDatabase, Statement, array_literal, current_loop_database
from chat.tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)
ECHO = Statement("echo", "select value, now() from unnest($1::text[]) as value")
WAIT = Statement("wait", "select pg_sleep(value) from unnest($1::int[]) as value")
DIVIDE = Statement("divide", "select 1 / value from unnest($1::int[]) as value")
WHO = Statement("who", "select pg_backend_pid() from unnest($1::int[])")
KILL = Statement("kill", "select pg_terminate_backend(value) from unnest($1::int[]) as value")


async def echo(database: LoopDatabase, *values: str | None) -> list[str | None]:
    return [value for value, _ in await database.fetch(ECHO, values)]


async def test_rows_are_those_of_a_cursor():
    def by_cursor():
        with connection.cursor() as cursor:
            cursor.execute(
                "select 1::bigint, 'ä', true, null, timestamptz '2026-01-02 03:04:05.678+01', '{1,2}'::bigint[]"
            )
            return cursor.fetchall()

    statement = Statement(
        "types",
        "select 1::bigint, 'ä', true, null, timestamptz '2026-01-02 03:04:05.678+01', $1::bigint[]",
    )
    rows = await current_loop_database().fetch(statement, [1, 2])

    assert rows == await run_in_db(by_cursor)


async def test_statements_at_the_same_time_share_few_connections():
    database = current_loop_database()

    answers = await asyncio.gather(*(echo(database, str(number)) for number in range(50)))

    assert answers == [[str(number)] for number in range(50)]
    assert len(database._free) <= loop_database.CONNECTIONS_MAX


async def test_an_answer_that_comes_in_pieces_is_whole():
    text = "x" * 3_000_000

    assert await echo(current_loop_database(), text) == [text]


async def test_a_value_that_cannot_be_used_fails_alone_and_costs_no_connection():
    database = current_loop_database()
    [[before]] = await database.fetch(WHO, [1])

    with pytest.raises(DataError):
        await database.fetch(DIVIDE, [0])

    assert await database.fetch(DIVIDE, [1]) == [(1,)]
    assert await database.fetch(WHO, [1]) == [(before,)]


async def test_a_statement_that_is_wrong_is_an_error_of_djangos():
    with pytest.raises(ProgrammingError, match="nowhere"):
        await current_loop_database().fetch(Statement("wrong", "select $1::int[] from nowhere"), [1])

    assert await echo(current_loop_database(), "on") == ["on"]


async def test_after_the_server_has_ended_a_connection_the_next_statement_gets_another():
    database = current_loop_database()
    [[pid]] = await database.fetch(WHO, [1])
    waiting = asyncio.create_task(database.fetch(WAIT, [60]))
    await eventually(lambda: not database._free)

    await database.fetch(KILL, [pid])

    with pytest.raises(OperationalError):
        await waiting
    assert await echo(database, "again") == ["again"]


async def test_an_idle_connection_that_the_server_ended_is_not_used():
    database, killer = current_loop_database(), LoopDatabase()
    [[pid]] = await database.fetch(WHO, [1])
    await killer.fetch(KILL, [pid])
    await eventually(lambda: not database._free[0].is_idle)

    assert await echo(database, "again") == ["again"]


async def test_who_is_cancelled_leaves_no_answer_to_the_next():
    database = current_loop_database()
    await echo(database, "warm")
    cancelled = asyncio.create_task(echo(database, "of one who has gone"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled

    assert await asyncio.gather(*(echo(database, str(number)) for number in range(5))) == [
        [str(n)] for n in range(5)
    ]


async def test_a_connection_that_nobody_waits_for_any_more_is_closed(monkeypatch):
    opened, let_go = [], Event()

    def connect():
        assert let_go.wait(60)
        opened.append(really_connect())
        return opened[0]

    really_connect = loop_database._connect
    monkeypatch.setattr(loop_database, "_connect", connect)
    asking = asyncio.create_task(echo(LoopDatabase(), "x"))
    await asyncio.sleep(0.05)

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    let_go.set()

    await eventually(lambda: opened and opened[0].closed)


async def test_text_that_cannot_be_stored_is_refused_before_it_is_sent():
    for text in ("a\0b", "\ud800"):
        with pytest.raises(ValueError):
            await echo(current_loop_database(), text)


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
def test_every_text_comes_back_from_an_array(values):
    with connection.cursor() as cursor:
        cursor.execute("select %s::text[]", [array_literal(values).decode()])
        assert cursor.fetchone() == (values,)
