"""Every id of a tenant's objects, in every operation that takes an id, by everybody who must not see the object.

Nothing is told, nothing is changed, and "not yours" is word for word "not there". The operations are read from the
schema: a new one is tried without anybody writing a test.
"""

import pytest

from chat.database import run_in_db
from chat.live.publisher import Publisher
from gql.tests.authorisation.calls import Person, codes, fingerprint, said
from gql.tests.authorisation.operations import IdArgument, Operation, operations
from gql.tests.authorisation.world import ABSENT, INTERNAL, SECRET, World

pytestmark = pytest.mark.django_db(transaction=True)

# nobody is not signed in, sam a member of nothing, gil a guest of another room, rob was removed, cleo's account closed.
OUTSIDERS = ("nobody", "sam", "gil", "rob", "cleo")
REFUSALS = {"NOT_FOUND", "FORBIDDEN", "UNAUTHENTICATED"}
TAKING_IDS = [one for one in operations("query", "mutation", "subscription") if one.id_arguments()]


async def _problems(
    person: Person, operation: Operation, foreign: dict[IdArgument, str], own: dict[str, str]
) -> list[str]:
    """What is wrong with the answer to the operation with these ids of others."""
    absent = dict.fromkeys(foreign, ABSENT)
    reply = await person.call(operation, operation.variables(foreign, own))
    unknown = await person.call(operation, operation.variables(absent, own))
    problems = []
    if said(reply) != said(unknown):
        problems.append(f"is told apart from what is not there: {reply} / {unknown}")
    if SECRET in str(reply) or INTERNAL in str(reply):
        problems.append(f"is told: {reply}")
    is_refused = codes(reply) and set(codes(reply)) <= REFUSALS
    if not is_refused and (reply.get("data") or {}).get(operation.name) is not False:
        problems.append(f"is not refused: {reply}")
    return problems


def _trials(world: World, viewer: str, operation: Operation) -> list[dict[IdArgument, str]]:
    """Each hidden object in each argument by itself, and hidden ones in all arguments together."""
    hidden = {one: world.hidden_from(viewer, one.kind) for one in operation.id_arguments()}
    alone = [{argument: pk} for argument, found in hidden.items() for pk in found.values()]
    together = {argument: next(iter(found.values())) for argument, found in hidden.items()}
    return [*alone, together]


@pytest.mark.parametrize("viewer", OUTSIDERS)
async def test_an_id_that_is_not_yours_is_like_one_that_is_not_there_and_changes_nothing(
    viewer, person, world, monkeypatch
):
    announced: list[object] = []
    monkeypatch.setattr(Publisher, "announce", lambda self, deliveries: announced.extend(deliveries))
    caller = await person(viewer)
    own = world.own.get(viewer, {})
    before = await run_in_db(fingerprint)
    problems = []

    for operation in TAKING_IDS:
        for trial in _trials(world, viewer, operation):
            names = {str(argument): pk for argument, pk in trial.items()}
            found = await _problems(caller, operation, trial, own)
            problems += [f"{operation} {names} {problem}" for problem in found]
        after = await run_in_db(fingerprint)
        changed = [table for table in after if after[table] != before[table]]
        problems += [f"{operation} changed {table}" for table in changed]
        before = after

    assert problems == []
    assert announced == []


async def test_the_ids_are_those_of_objects_that_are_there(person, world):
    """Else the refusals above would say nothing: the owner reads every one of them."""
    olga = await person("olga")
    refused = []
    for operation in operations("query"):
        for argument in operation.id_arguments():
            readable = set(world.objects[argument.kind]) - {"cleo"}
            for name in readable:
                ids = {argument: world.objects[argument.kind][name]}
                reply = await olga.query(operation.text, operation.variables(ids, world.own["olga"]))
                refused += [f"{operation} {name}: {reply}"] if "errors" in reply else []
    assert refused == []


def test_every_kind_of_object_is_tried():
    kinds = {argument.kind for operation in TAKING_IDS for argument in operation.id_arguments()}
    assert kinds >= {"room", "message", "user", "collection", "document", "answer", "attachment"}
