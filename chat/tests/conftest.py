"""People and rooms that the tests of chat start from."""

import pytest

from chat.models import Membership, Room, User


@pytest.fixture
def ada(db) -> User:
    return User.objects.create_user("ada", password="correct horse", display_name="Ada", is_superuser=True)


@pytest.fixture
def grace(db) -> User:
    return User.objects.create_user("grace", password="correct horse", display_name="Grace")


@pytest.fixture
def guest(db) -> User:
    return User.objects.create_user("guest", password="correct horse", is_guest=True)


@pytest.fixture
def parley(db) -> User:
    return User.objects.create(username="parley", display_name="Parley", is_bot=True, bot_task="rag.answer")


@pytest.fixture
def general(ada, grace) -> Room:
    room = Room.objects.create(name="general", kind=Room.Kind.PUBLIC)
    Membership.objects.create(room=room, user=ada, role=Membership.Role.OWNER)
    Membership.objects.create(room=room, user=grace)
    return room


@pytest.fixture
def private(ada) -> Room:
    room = Room.objects.create(name="engineering", kind=Room.Kind.PRIVATE)
    Membership.objects.create(room=room, user=ada, role=Membership.Role.OWNER)
    return room


@pytest.fixture
def announced(monkeypatch) -> list:
    """The events announced so far, in order, as (name, data)."""
    events: list = []

    async def record(event) -> None:
        events.append((event.name, event.data()))

    monkeypatch.setattr("chat.events.publish", record)
    return events
