"""What a member without authority, and a guest, may do in a room; and that nobody acts as somebody else."""

from typing import Any

import pytest

from chat.database import run_in_db
from chat.models import Attachment, Membership, Message, Reaction, Room
from gql.tests.authorisation.calls import codes, fingerprint
from gql.tests.authorisation.matrix import GUESTS_MAY_NOT, MEMBERS_MAY, MEMBERS_MAY_NOT
from gql.tests.authorisation.operations import IdArgument, Operation, operations
from gql.tests.authorisation.test_ids import REFUSALS
from gql.tests.authorisation.world import World
from rag.models import Answer, AnswerRating, Collection, Document

pytestmark = pytest.mark.django_db(transaction=True)

# What others have in the room that the member is in.
IN_THE_ROOM = {
    "room": "private",
    "message": "in private",
    "user": "ann",
    "collection": "private",
    "document": "private",
    "answer": "finished",
}
ACTORS: list[tuple[Any, str]] = [
    (Room, "created_by_id"),
    (Message, "author_id"),
    (Reaction, "user_id"),
    (Collection, "owner_id"),
    (Document, "uploaded_by_id"),
    (Answer, "asked_by_id"),
    (AnswerRating, "user_id"),
    (Attachment, "owner_id"),
]


def _required(operation: Operation) -> list[IdArgument]:
    """The id arguments that the operation cannot be called without."""
    sent = operation.variables({}, {})
    return [one for one in operation.id_arguments() if _at(sent, one.path) is not None]


def _at(values: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        values = values.get(name) if isinstance(values, dict) else None
    return values


def _ids(world: World, operation: Operation) -> dict[IdArgument, str]:
    return {one: world.objects[one.kind][IN_THE_ROOM[one.kind]] for one in _required(operation)}


def _rows() -> dict[str, dict[int, int]]:
    """Of each table whose rows say who acted: row id -> user id. What bots write is left out."""
    return {
        model.__name__: dict(
            (model.objects.exclude(kind="answer") if model is Message else model.objects).values_list(
                "pk", actor
            )
        )
        for model, actor in ACTORS
    }


def _actors_of_new(before: dict[str, dict[int, int]], after: dict[str, dict[int, int]]) -> set[int]:
    return {actor for name, rows in after.items() for pk, actor in rows.items() if pk not in before[name]}


async def test_a_member_without_authority_is_refused_and_changes_nothing(person, world):
    mia = await person("mia")
    before = await run_in_db(fingerprint)
    problems = []
    for operation in [one for one in operations("mutation") if one.name in MEMBERS_MAY_NOT]:
        reply = await mia.call(operation, operation.variables(_ids(world, operation), world.own["mia"]))
        after = await run_in_db(fingerprint)
        if codes(reply) != ["FORBIDDEN"] or after != before:
            problems.append(
                f"{operation}: {reply} {[table for table in after if after[table] != before[table]]}"
            )
        before = after
    assert problems == []


async def test_a_member_does_what_members_do_and_always_as_himself(person, world):
    mia = world.people["mia"]
    caller = await person("mia")
    for operation in [one for one in operations("mutation") if one.name in MEMBERS_MAY]:
        room = {"room_id": world.objects["room"]["private"], "user": mia}
        await Membership.objects.aget_or_create(**room)  # leaveRoom is among them
        before = await run_in_db(_rows)
        reply = await caller.call(operation, operation.variables(_ids(world, operation), world.own["mia"]))
        assert not set(codes(reply)) & REFUSALS, (operation.name, reply)
        assert _actors_of_new(before, await run_in_db(_rows)) <= {mia.pk}, operation.name


async def test_a_guest_makes_nothing_of_his_own(person, world):
    gil = await person("gil")
    before = await run_in_db(fingerprint)
    for operation in [one for one in operations("mutation") if one.name in GUESTS_MAY_NOT]:
        reply = await gil.call(operation, operation.variables({}, world.own["gil"]))
        assert codes(reply) == ["FORBIDDEN"], (operation.name, reply)
    assert await run_in_db(fingerprint) == before


async def test_a_user_id_in_the_input_is_whom_it_is_done_to_and_never_who_does_it(person, world):
    """Every mutation that takes a user's id, by the owner of a room, about somebody else."""
    mia = world.people["mia"]
    caller = await person("mia")
    tried = []
    for operation in operations("mutation"):
        about = [one for one in operation.id_arguments() if one.kind == "user"]
        if not about:
            continue
        before = await run_in_db(_rows)
        ids = dict.fromkeys(about, str(world.people["olga"].pk))
        reply = await caller.call(operation, operation.variables(ids, world.own["mia"]))
        assert "errors" not in reply, (operation.name, reply)
        assert _actors_of_new(before, await run_in_db(_rows)) <= {mia.pk}, operation.name
        tried.append(operation.name)
    assert {"addMember", "changeRole", "createRoom", "removeMember"} <= set(tried)
