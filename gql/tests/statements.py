"""The SQL that is sent to PostgreSQL, by Django's cursors in whatever thread and by the event loop itself."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from django.db.backends.utils import CursorWrapper

from chat.loop_database import LoopDatabase, Statement


@contextmanager
def recorded_statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A list that holds the statements of the block in their order."""
    sent: list[str] = []
    execute = CursorWrapper._execute  # type: ignore[attr-defined]  # what all ways of executing come to
    fetch = LoopDatabase.fetch

    def note_executed(self: CursorWrapper, sql: Any, params: Any, *ignored: Any) -> Any:
        sent.append(str(sql))
        return execute(self, sql, params, *ignored)

    async def note_fetched(self: LoopDatabase, statement: Statement, *arrays: Sequence[Any]) -> Any:
        sent.append(statement.sql)
        return await fetch(self, statement, *arrays)

    with monkeypatch.context() as patch:
        patch.setattr(CursorWrapper, "_execute", note_executed)
        patch.setattr(LoopDatabase, "fetch", note_fetched)
        yield sent
