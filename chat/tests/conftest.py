import pytest


@pytest.fixture
def announced(monkeypatch) -> list:
    """The events announced so far, in order, as (name, data)."""
    events: list = []

    async def record(event) -> None:
        events.append((event.name, event.data()))

    monkeypatch.setattr("chat.events.publish", record)
    return events
