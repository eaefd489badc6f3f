"""The tenant's world, and people who call."""

from collections.abc import Awaitable, Callable

import pytest

from chat.database import run_in_db
from gql.tests.authorisation.calls import Person
from gql.tests.authorisation.world import World, build_world
from rag.tests.embedders import ScriptedEmbedder


@pytest.fixture
async def world(db, settings, tmp_path, monkeypatch) -> World:
    settings.RATE_LIMITS = False  # hundreds of calls in a second are no person's
    folder = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": tmp_path / "files"},
    }
    settings.STORAGES = settings.STORAGES | {"default": folder}
    monkeypatch.setattr("rag.embeddings.configuration.configured_embedder", ScriptedEmbedder)
    return await run_in_db(build_world)


@pytest.fixture
def person(http, world) -> Callable[[str], Awaitable[Person]]:
    """A function that gives the person of that user name, signed in; "nobody" is."""

    async def sign_in(username: str) -> Person:
        return await Person.sign_in(http, world.people.get(username))

    return sign_in
