"""Whoever follows every field from what is listed to him comes to nothing that is not his."""

import pytest

from gql.tests.authorisation.calls import codes
from gql.tests.authorisation.crawl import objects_in, ways
from gql.tests.authorisation.test_ids import OUTSIDERS
from gql.tests.authorisation.world import INTERNAL, SECRET, World

pytestmark = pytest.mark.django_db(transaction=True)
WAYS = list(ways())


async def _crawl(person, world: World) -> list[tuple[str, dict]]:
    found = []
    for operation, text in WAYS:
        variables = operation.variables({}, {})
        found.append((text, await person.query(text, variables)))
    return found


def _kinds(world: World, viewer: str) -> dict[tuple[str, str], str]:
    """(kind, id) of what is hidden from the viewer, with its name."""
    return {
        (kind, pk): name for kind in world.objects for name, pk in world.hidden_from(viewer, kind).items()
    }


@pytest.mark.parametrize("viewer", OUTSIDERS)
async def test_nothing_hidden_is_reached_through_lists(viewer, person, world):
    hidden = _kinds(world, viewer)
    problems = []
    for text, reply in await _crawl(await person(viewer), world):
        if viewer in ("nobody", "cleo") and set(codes(reply)) != {"UNAUTHENTICATED"} and " me " not in text:
            problems.append(f"{text} is answered: {reply}")
        if SECRET in str(reply.get("data")) or (viewer == "gil" and INTERNAL in str(reply.get("data"))):
            problems.append(f"{text} tells: {reply}")
        reached = {hidden[one] for one in objects_in(reply.get("data")) if one in hidden}
        problems += [f"{text} reaches {name}" for name in reached]
        problems += [f"{text} fails: {reply}"] if "INTERNAL" in codes(reply) else []
    assert problems == []


async def test_the_owner_reaches_every_kind_of_object(person, world):
    """Else the crawl above would say nothing."""
    replies = await _crawl(await person("olga"), world)
    assert [text for text, reply in replies if "errors" in reply] == []
    reached = {one for _, reply in replies for one in objects_in(reply["data"])}
    for kind in ("room", "message", "user", "collection", "document", "answer", "attachment"):
        ids = {pk for name, pk in world.objects[kind].items() if name not in ("cleo", "not posted")}
        assert {pk for found, pk in reached if found == kind} >= ids - _archived(world), kind


async def test_a_search_finds_each_kind_of_thing_for_the_owner(person, world):
    """Else the crawl's searches would say nothing."""
    olga = await person("olga")
    for text, types in (
        ("search(query: $q) { edges { node { __typename } } }", {"Message", "Document", "Passage"}),
        ("similaritySearch(query: $q) { __typename }", {"Passage"}),
    ):
        reply = await olga.query(f"query($q: String!) {{ {text} }}", {"q": SECRET})
        assert {name for name in types if f"'{name}'" in str(reply)} == types, reply


def _archived(world: World) -> set[str]:
    """What is in rooms that lists leave out."""
    names = {"room": ("archived", "public, archived"), "message": ("in archived",)}
    return {world.objects[kind][name] for kind, found in names.items() for name in found}
