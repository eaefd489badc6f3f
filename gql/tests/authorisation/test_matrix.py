"""The matrix covers the whole schema, and what it says of each field is so."""

import pytest
from graphql import GraphQLObjectType

from gql.schema import schema
from gql.tests.authorisation import matrix, test_own_rules
from gql.tests.authorisation.calls import codes
from gql.tests.authorisation.matrix import LISTS, MEMBERS_MAY, MEMBERS_MAY_NOT, OWN_RULES, READERS
from gql.tests.authorisation.operations import leaves, operations
from gql.tests.authorisation.test_ids import OUTSIDERS, REFUSALS
from gql.tests.authorisation.world import INTERNAL, SECRET

pytestmark = pytest.mark.django_db(transaction=True)
HOW = f"Say who may read or do it: see {matrix.__name__}."
_ROOTS = ("Query", "Mutation", "Subscription")
TYPES: dict[str, GraphQLObjectType] = {
    name: type_
    for name, type_ in schema.graphql_schema.type_map.items()
    if isinstance(type_, GraphQLObjectType) and not name.startswith("__") and name not in _ROOTS
}


def _fields() -> set[str]:
    return {f"{name}.{field}" for name, type_ in TYPES.items() for field in type_.fields}


def test_every_field_of_every_type_has_a_rule():
    ruled = {f"{name}.{field}" for name, readers in READERS.items() for field in readers.fields.split()}
    own = {name for name in OWN_RULES if not name.startswith(_ROOTS)}
    unruled, gone = sorted(_fields() - ruled), sorted((ruled | own) - _fields())
    assert not unruled, f"Fields without a test of who may read them: {unruled}. {HOW}"
    assert not gone, f"Rules of fields that are not there: {gone}."


def test_every_rule_of_its_own_has_its_test():
    assert [name for name in OWN_RULES.values() if not hasattr(test_own_rules, name)] == []


def test_every_query_and_subscription_is_tried_with_ids_or_looked_through():
    uncovered = {
        str(one)
        for one in operations("query", "subscription")
        if not one.id_arguments() and one.name not in LISTS and f"Query.{one.name}" not in OWN_RULES
    }
    assert not uncovered, f"Queries without a test of who sees what: {sorted(uncovered)}. {HOW}"


def test_every_mutation_says_what_a_member_without_authority_may():
    names = {one.name for one in operations("mutation")}
    unruled = sorted(names - MEMBERS_MAY - MEMBERS_MAY_NOT)
    gone = sorted((MEMBERS_MAY | MEMBERS_MAY_NOT) - names)
    assert not unruled, f"Mutations without a test of who may use them: {unruled}. {HOW}"
    assert not gone, f"Rules of mutations that are not there: {gone}."
    assert MEMBERS_MAY & MEMBERS_MAY_NOT == set()


def _everything(name: str) -> str:
    """A selection of every field of the type, and of the leaves below it."""
    return " ".join(f"{field} {leaves(type_.type)}" for field, type_ in TYPES[name].fields.items())


@pytest.mark.parametrize("viewer", OUTSIDERS)
async def test_no_field_of_a_private_object_is_read_from_outside(viewer, person, world):
    caller = await person(viewer)
    problems = []
    for name, readers in READERS.items():
        text = readers.operation(world, _everything(name))
        reply = await (caller.follow(text) if readers.root == "subscription" else caller.query(text))
        is_refused = bool(codes(reply)) and set(codes(reply)) <= REFUSALS
        is_told = SECRET in str(reply) or (viewer == "gil" and INTERNAL in str(reply))
        if is_told or not (is_refused or (readers.is_list and viewer not in ("nobody", "cleo"))):
            problems.append(f"{name}: {reply}")
    assert problems == []


async def test_every_field_is_read_by_the_owner(person, world):
    """Else the refusals above would say nothing. Events are looked at in test_live.py."""
    olga = await person("olga")
    problems = []
    for name in [one for one, readers in READERS.items() if readers.root == "query"]:
        reply = await olga.query(READERS[name].operation(world, _everything(name)))
        missing = [field for field in TYPES[name].fields if f"'{field}': " not in str(reply)]
        if "errors" in reply or missing or f"'__typename': '{name}'" not in str(reply):
            problems.append(f"{name} without {missing}: {reply}")
    assert problems == []
