"""People and rooms that tests of chat, and of what stands on it, start from. A pytest plugin, named in conftest.py.

`ada` is an admin and owns both rooms, `grace` is a member of `general`, `guest` of none.
"""

from typing import TYPE_CHECKING

import pytest
from django.apps import apps

if TYPE_CHECKING:
    from chat.models import Room, User

PASSWORD = "correct horse"


def chat_model(name: str):
    """A model of chat, looked up late: tests of pure modules load this file, too, and run without Django's set-up."""
    return apps.get_model("chat", name)


@pytest.fixture
def ada(db) -> "User":
    fields = {"display_name": "Ada", "is_superuser": True, "is_staff": True}
    return chat_model("User").objects.create_user("ada", "ada@example.org", PASSWORD, **fields)


@pytest.fixture
def grace(db) -> "User":
    return chat_model("User").objects.create_user(
        "grace", "grace@example.org", PASSWORD, display_name="Grace"
    )


@pytest.fixture
def guest(db) -> "User":
    return chat_model("User").objects.create_user("guest", password=PASSWORD, is_guest=True)


@pytest.fixture
def parley(db) -> "User":
    fields = {"username": "parley", "display_name": "Parley", "is_bot": True, "bot_task": "rag.answer"}
    return chat_model("User").objects.create(**fields)


@pytest.fixture
def general(ada, grace) -> "Room":
    room = chat_model("Room").objects.create(name="general", kind="public")
    chat_model("Membership").objects.create(room=room, user=ada, role="owner")
    chat_model("Membership").objects.create(room=room, user=grace)
    return room


@pytest.fixture
def private(ada) -> "Room":
    room = chat_model("Room").objects.create(name="engineering", kind="private")
    chat_model("Membership").objects.create(room=room, user=ada, role="owner")
    return room
