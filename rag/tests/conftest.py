import pytest


@pytest.fixture
def storage_folder(settings, tmp_path):
    """Uploaded files go below the test's own folder."""
    folder = tmp_path / "files"
    settings.STORAGES = settings.STORAGES | {
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": folder},
        }
    }
    return folder


def chat_model(name):
    """A model of chat, looked up late: tests of pure modules load this file, too, and run without Django."""
    from django.apps import apps

    return apps.get_model("chat", name)


@pytest.fixture
def ada(db):
    return chat_model("User").objects.create_user("ada", display_name="Ada")


@pytest.fixture
def grace(db):
    return chat_model("User").objects.create_user("grace")


@pytest.fixture
def parley(db):
    fields = {"display_name": "Parley", "is_bot": True, "bot_task": "rag.answer"}
    return chat_model("User").objects.get_or_create(username="parley", defaults=fields)[0]


@pytest.fixture
def room(ada, grace, parley):
    room = chat_model("Room").objects.create(name="general", kind="public")
    for person in (ada, grace):
        chat_model("Membership").objects.create(room=room, user=person)
    return room


@pytest.fixture
def question(ada, room):
    from chat.actions import post_message

    return post_message(ada, room_id=room.pk, text="@parley How many days of leave do I get?")
