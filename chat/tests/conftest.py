from typing import TYPE_CHECKING

import pytest

from chat.tests.people import chat_model

if TYPE_CHECKING:
    from django.test import Client

    from chat.models import Room
    from chat.tests.processes import Process


@pytest.fixture
def announced(monkeypatch) -> list:
    """The events announced after a commit so far, in order, as (name, data)."""
    announced: list = []

    def record(events) -> None:
        announced.extend((event.name, event.data()) for event in events)

    monkeypatch.setattr("chat.events.announce_committed", record)
    return announced


@pytest.fixture
def random(ada, grace) -> "Room":
    """A second room of both."""
    room = chat_model("Room").objects.create(name="random", kind="private")
    for user in (ada, grace):
        chat_model("Membership").objects.create(room=room, user=user)
    return room


@pytest.fixture
def as_ada(client, ada) -> "Client":
    client.force_login(ada)
    return client


@pytest.fixture
def as_grace(client, grace) -> "Client":
    client.force_login(grace)
    return client


@pytest.fixture
def as_guest(client, guest) -> "Client":
    client.force_login(guest)
    return client


@pytest.fixture
async def here() -> "Process":
    """A web process."""
    return _echo_process()


@pytest.fixture
async def there() -> "Process":
    """Another."""
    return _echo_process()


def _echo_process() -> "Process":
    # Looked up late: tests of pure modules load this file, too, and run without Django's set-up.
    from chat.tests.processes import echo_process

    return echo_process()
