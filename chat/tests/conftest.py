import pytest


@pytest.fixture
def announced(monkeypatch) -> list:
    """The events announced after a commit so far, in order, as (name, data)."""
    announced: list = []

    def record(events) -> None:
        announced.extend((event.name, event.data()) for event in events)

    monkeypatch.setattr("chat.events.announce_committed", record)
    return announced
