"""An operation ends after its time, and so do its statements in the database."""

import asyncio
import time
from collections.abc import Iterator

import graphene
import pytest
from django.db import connection, transaction

from chat.database import run_in_db
from chat.models import Room, User
from gql.executor import EXECUTORS
from gql.requests.documents import documents
from gql.schema import schema

pytestmark = pytest.mark.django_db(transaction=True)
SLOWLY = "pg_sleep(60)"
RUNNING = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND query = %s AND state = 'active'"
)


def _sleep() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {SLOWLY}")


def _sleeping() -> int:
    with connection.cursor() as cursor:
        cursor.execute(RUNNING, [f"SELECT {SLOWLY}"])
        return int(cursor.fetchone()[0])


async def _until_sleeping(count: int) -> None:
    """Wait for so many slow statements; a test that waits in vain fails by its assertion afterwards."""
    for _ in range(100):
        if await run_in_db(_sleeping) == count:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"there are {await run_in_db(_sleeping)} slow statements instead of {count}")


@pytest.fixture(params=EXECUTORS)
def slow(request, monkeypatch, settings) -> Iterator[None]:
    """`me` waits a minute in the database; an operation may take a second."""

    async def resolve_me(root: None, info: graphene.ResolveInfo) -> User | None:
        await run_in_db(_sleep)
        return None

    settings.GRAPHQL_TIME_LIMIT_S = 1
    settings.GRAPHQL_EXECUTOR = request.param
    monkeypatch.setattr(schema.graphql_schema.query_type.fields["me"], "resolve", resolve_me)
    documents.forget()  # plans know resolvers
    yield
    documents.forget()


async def test_a_slow_operation_ends_with_a_code_and_its_backend_is_free(as_user, ada, slow):
    begun = time.monotonic()

    response = await as_user(ada).run("{ me { id } }")

    [error] = response["errors"]
    assert error["extensions"]["code"] == "UNAVAILABLE"
    assert "1 seconds" in error["message"]
    assert response["data"] is None
    assert time.monotonic() - begun < 30, "not the minute that the statement would take"
    await _until_sleeping(0)


async def test_a_slow_query_ends_when_its_client_leaves(open_socket, ada, slow, settings):
    settings.GRAPHQL_TIME_LIMIT_S = 50
    socket = await open_socket(ada).start()
    await socket.subscribe("1", "{ me { id } }")
    await _until_sleeping(1)

    await socket.send({"id": "1", "type": "complete"})

    await _until_sleeping(0)


async def test_what_a_slow_mutation_had_begun_is_undone(as_user, ada, slow, monkeypatch):
    def join(user: User, room_id: str) -> None:
        with transaction.atomic():
            Room.objects.create(name="half made", kind=Room.Kind.PUBLIC)
            _sleep()

    async def resolve_join_room(root: None, info: graphene.ResolveInfo, room_id: str) -> None:
        await run_in_db(join, ada, room_id)

    monkeypatch.setattr(schema.graphql_schema.mutation_type.fields["joinRoom"], "resolve", resolve_join_room)

    error = await as_user(ada).error('mutation { joinRoom(roomId: "1") { id } }')

    assert error["code"] == "UNAVAILABLE"
    await _until_sleeping(0)
    assert not await Room.objects.filter(name="half made").aexists()


async def test_quick_operations_meet_no_limit(as_user, ada, general, settings):
    settings.GRAPHQL_TIME_LIMIT_S = 1
    assert (await as_user(ada).data("{ rooms { totalCount } }"))["rooms"]["totalCount"] == 1
