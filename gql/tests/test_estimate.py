"""What one document may ask for. The graphs of fields are counted, never timed."""

from typing import Any

import pytest
from graphql import get_introspection_query, parse, validate

from chat.access.authentication import Caller
from chat.models import User
from gql.context import Context
from gql.protection.estimate import CostFunction, Estimate, actual_cost, check_estimate
from gql.protection.limits import CostLimited, DepthLimited
from gql.protection.selection import SelectingOperation, read_operations
from gql.requests import documents
from gql.requests.documents import InvalidDocument
from gql.requests.operations import Params, prepare
from gql.schema import schema

ROOMS = "{ rooms(first: 3) { edges { node { messages(last: 50) { edges { node { id } } } } } } }"
DEAR = "{ rooms(first: 100) { edges { node { messages(last: 100) { edges { node { author { id } } } } } } } }"  # 20,201
NOBODY = Context(None)


def read(query: str) -> dict[str | None, SelectingOperation]:
    return read_operations(schema.graphql_schema, parse(query))


def estimate(query: str, variables: dict | None = None) -> Estimate:
    [operation] = read(query).values()
    return CostFunction(operation)(variables)


def cost(query: str, variables: dict | None = None) -> int:
    return estimate(query, variables).cost


@pytest.fixture
def signed_in() -> Context:
    """Somebody who need not be in the database."""
    return Context(Caller(User(pk=1)))


@pytest.fixture
def validations(monkeypatch) -> list[str]:
    """A line for each document that reaches validation."""
    seen: list[str] = []

    def record(*args: Any, **options: Any) -> Any:
        seen.append("validated")
        return validate(*args, **options)

    monkeypatch.setattr(documents, "validate", record)
    return seen


def test_each_object_costs_one_and_pages_multiply_along_each_path():
    assert cost(ROOMS) == 1 + 3 * (1 + 1 + 50 * 1)
    assert estimate(ROOMS).values == 2 + 3 * (2 + 1 + 50 * 2)
    assert cost("{ a: rooms { edges { node { id } } } b: rooms { edges { node { id } } } }") == 2 * (1 + 20)
    assert cost("{ rooms { pageInfo { endCursor } } }") == 1


def test_a_page_of_more_than_100_counts_as_100_and_one_below_0_as_0():
    assert cost("{ rooms(first: 99999999999999999999) { edges { node { id } } } }") == 101
    assert cost("{ rooms(first: -5) { edges { node { id } } } }") == 1


def test_lists_without_pages_count_as_5_objects():
    assert cost('{ answer(id: "1") { passages { id } } }') == 1 + 5


@pytest.mark.parametrize(
    ("variables", "rooms"),
    [
        (None, 7),
        ({"n": 30}, 30),
        ({"n": 30.0}, 30),
        ({"n": None}, 20),
        ({"n": "many"}, 20),
        ({"n": 1e30}, 100),
    ],
)
def test_variables_and_their_defaults_count(variables, rooms):
    assert cost("query($n: Int = 7) { rooms(first: $n) { edges { node { id } } } }", variables) == 1 + rooms


def test_what_depends_on_no_variable_is_counted_with_what_does():
    nodes = "{ edges { node { id } } }"
    query = f"query($n: Int) {{ a: rooms(first: 9) {nodes} b: rooms(first: $n) {nodes} }}"

    assert [cost(query, {"n": n}) for n in (1, 50)] == [2 + 9 + 1, 2 + 9 + 50]


def test_fragments_count_wherever_they_are_spread():
    fragment = "fragment M on Room { messages(last: 10) { edges { node { id } } } }"

    assert cost('{ room(id: "1") { ...M ...M } } ' + fragment) == 1 + 1 + 10, "once in one selection set"
    twice = '{ a: room(id: "1") { ...M } b: room(id: "2") { ... on Room { ...M } } } '
    assert cost(twice + fragment) == 2 * (1 + 1 + 10)


def test_of_a_union_the_larger_page_of_each_field_counts():
    def members(first: int) -> str:
        return f"{{ message {{ room {{ members(first: {first}) {{ edges {{ node {{ role }} }} }} }} }} }}"

    query = (
        f"subscription {{ roomEvents(roomId: 1) "
        f"{{ ... on MessageAdded {members(1)} ... on MessageUpdated {members(40)} }} }}"
    )

    assert cost(query) == 1 + 1 + 1 + 1 + 40


def test_what_is_too_dear_is_refused_with_the_estimate():
    with pytest.raises(CostLimited, match="may cost 20,201; at most 20,000"):
        check_estimate(estimate(DEAR))


def test_too_many_fields_of_all_objects_are_refused():
    fields = " ".join(f"a{n}: id" for n in range(50))
    messages = f"messages(last: 100) {{ edges {{ node {{ {fields} }} }} }}"
    asked = estimate(f"{{ rooms(first: 40) {{ edges {{ node {{ {messages} }} }} }} }}")

    assert asked.cost == 1 + 40 * (1 + 1 + 100)
    with pytest.raises(CostLimited, match="values"):
        check_estimate(asked)


def test_a_response_costs_the_objects_that_are_in_it():
    [operation] = read(ROOMS).values()
    page = {"edges": [{"node": {"id": "1"}}, {"node": {"id": "2"}}]}
    data = {"rooms": {"edges": [{"node": {"messages": page}}, {"node": {"messages": None}}]}}

    assert actual_cost(operation.selection, data) == 1 + 2 + 1 + 2
    assert actual_cost(operation.selection, None) == 0


def test_12_levels_are_allowed_and_13_are_not():
    def deep(levels: int) -> str:
        return "{ " + "a { " * (levels - 1) + "b" + " }" * levels

    assert read(deep(12))
    with pytest.raises(DepthLimited, match="12"):
        read(deep(13))


@pytest.mark.parametrize(
    "query",
    [
        "{" + "a " * 995 + "}",
        "{" + "me{id}" * 330 + "}",
        "{" + " ".join(f"a{n}: me {{ id }}" for n in range(51)) + "}",
        "{" + ("me{" + "id " * 5 + "}") * 5 + "}",
        "{ me { id } } fragment Unused on User {" + "id " * 21 + "}",
        # Fragments that double what they select: 2**100 fields, or as many spreads of nothing.
        "{...F0}"
        + "".join(f"fragment F{n} on Query{{a:me{{id}} ...F{n + 1} ...F{n + 1}}}" for n in range(100))
        + "fragment F100 on Query{me{id}}",
        "{...F0}"
        + "".join(f"fragment F{n} on Query{{...F{n + 1} ...F{n + 1}}}" for n in range(100))
        + "fragment F100 on Query{me{id}}",
        "{a{...F0}}"
        + "".join(f"fragment F{n} on User{{a{{...F{n + 1}}} b{{...F{n + 1}}}}}" for n in range(50))
        + "fragment F50 on User{id}",
    ],
)
async def test_documents_that_are_slow_to_validate_are_refused_before(validations, query):
    with pytest.raises(InvalidDocument) as refused:
        await prepare(Params(query), NOBODY)

    [error] = refused.value.errors
    assert error["extensions"]["code"] in ("COST_LIMITED", "DEPTH_LIMITED")
    assert validations == []


async def test_circles_of_fragments_are_told_before_validation(validations):
    fragments = "".join(
        f"fragment F{n} on User {{ {' '.join(f'...F{m}' for m in range(8))} }} " for n in range(8)
    )

    with pytest.raises(InvalidDocument) as refused:
        await prepare(Params("{ me { ...F0 } } " + fragments), NOBODY)

    [error] = refused.value.errors
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"] == "Cannot spread fragment 'F0' within itself."
    assert validations == []


async def test_20_repeats_and_50_root_fields_are_allowed(validations):
    await prepare(Params("{" + "me{id}" * 20 + "}"), NOBODY)
    await prepare(Params("{" + " ".join(f"a{n}: me {{ id }}" for n in range(50)) + "}"), NOBODY)

    assert len(validations) == 2


async def test_the_introspection_of_graphiql_is_allowed(signed_in):
    query = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    )

    assert (await prepare(Params(query), signed_in)).node


async def test_the_variables_of_a_known_document_are_checked_each_time():
    messages = "messages(last: 100) { edges { node { author { id } } } }"
    query = f"query($n: Int) {{ rooms(first: $n) {{ edges {{ node {{ {messages} }} }} }} }}"

    assert await prepare(Params(query, {"n": 50}), NOBODY)
    with pytest.raises(InvalidDocument) as refused:
        await prepare(Params(query, {"n": 100}), NOBODY)
    assert refused.value.errors[0]["extensions"] == {"code": "COST_LIMITED"}
    assert await prepare(Params(query, {"n": 50}), NOBODY)


@pytest.mark.django_db(transaction=True)
async def test_a_client_sees_the_code_and_the_estimate(as_user, ada):
    response = await as_user(ada).run(DEAR)

    [error] = response["errors"]
    assert error["extensions"] == {"code": "COST_LIMITED"}
    assert "20,201" in error["message"]
    assert "data" not in response
