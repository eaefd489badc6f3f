"""What one document may ask for. The graphs of fields are counted, never timed."""

from typing import Any

import pytest
from graphql import OperationDefinitionNode, get_introspection_query, parse, validate

from gql import documents
from gql.documents import InvalidDocument
from gql.limits import Cost, CostLimited, DepthLimited, check_cost, estimate_cost, read_operations
from gql.operations import Params, prepare
from gql.schema import schema

ROOMS = "{ rooms(first: 3) { edges { node { messages(last: 50) { edges { node { id } } } } } } }"


def read(query: str):
    return read_operations(schema.graphql_schema, parse(query))


def cost(query: str, variables: dict | None = None) -> Cost:
    document = parse(query)
    [node] = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    [selected] = read(query).values()
    return estimate_cost(selected, node, variables)


def nested(levels: int, last: int = 50) -> str:
    """Messages of the room of messages ..."""
    inner = "id"
    for _ in range(levels):
        inner = f"room {{ messages(last: {last}) {{ edges {{ node {{ {inner} }} }} }} }}"
    return f'{{ message(id: "1") {{ {inner} }} }}'


@pytest.fixture
def validations(monkeypatch) -> list[str]:
    """A line for each document that reaches validation."""
    seen: list[str] = []

    def record(*args: Any, **options: Any) -> Any:
        seen.append("validated")
        return validate(*args, **options)

    monkeypatch.setattr(documents, "validate", record)
    return seen


def test_nodes_are_the_products_of_the_pages_along_each_path():
    assert cost(ROOMS).nodes == 3 + 3 * 50
    assert cost(ROOMS).values == 1 + 3 * (1 + 1 + 1) + 3 * 50 * (1 + 1 + 1)
    assert cost(nested(2)).nodes == 50 + 50 * 50
    assert cost("{ a: rooms { edges { node { id } } } b: rooms { edges { node { id } } } }").nodes == 40
    assert cost('{ similaritySearch(query: "x") { id } }').nodes == 5
    assert cost('{ similaritySearch(query: "x", topK: 50) { id } }').nodes == 50


def test_a_page_of_more_than_100_counts_as_100_and_one_below_0_as_0():
    assert cost("{ rooms(first: 99999999999999999999) { edges { node { id } } } }").nodes == 100
    assert cost("{ rooms(first: -5) { edges { node { id } } } }").nodes == 0


def test_lists_without_pages_count_as_5_rows():
    assert cost('{ answer(id: "1") { passages { id } } }').nodes == 5


@pytest.mark.parametrize(
    ("variables", "nodes"),
    [
        (None, 7),
        ({"n": 30}, 30),
        ({"n": 30.0}, 30),
        ({"n": None}, 20),
        ({"n": "many"}, 20),
        ({"n": 1e30}, 100),
    ],
)
def test_variables_and_their_defaults_count(variables, nodes):
    assert cost("query($n: Int = 7) { rooms(first: $n) { edges { node { id } } } }", variables).nodes == nodes


def test_fragments_count_wherever_they_are_spread():
    fragment = "fragment M on Room { messages(last: 10) { edges { node { id } } } }"

    assert cost('{ room(id: "1") { ...M ...M } } ' + fragment).nodes == 10, "once in one selection set"
    assert (
        cost('{ a: room(id: "1") { ...M } b: room(id: "2") { ... on Room { ...M } } } ' + fragment).nodes
        == 20
    )


def test_members_of_a_union_count():
    query = (
        "subscription { roomEvents(roomId: 1) "
        "{ ... on MessageAdded { message { room { members(first: 40) { edges { node { role } } } } } } } }"
    )

    assert cost(query).nodes == 40


def test_too_many_nodes_are_refused_with_the_estimate():
    [selected] = read(nested(2, last=100)).values()
    [node] = parse(nested(2, last=100)).definitions

    with pytest.raises(CostLimited, match="about 10,100 nodes; at most 10,000"):
        check_cost(selected, node, None)


def test_too_many_fields_of_all_rows_are_refused():
    fields = " ".join(f"a{n}: id" for n in range(50))
    messages = f"messages(last: 100) {{ edges {{ node {{ {fields} }} }} }}"
    query = f"{{ rooms(first: 40) {{ edges {{ node {{ {messages} }} }} }} }}"
    [selected] = read(query).values()
    [node] = parse(query).definitions

    assert cost(query).nodes == 4040
    with pytest.raises(CostLimited, match="values"):
        check_cost(selected, node, None)


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
        "{" + " ".join(f"a{n}: me {{ id }}" for n in range(201)) + "}",
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
        await prepare(Params(query))

    [error] = refused.value.errors
    assert error["extensions"]["code"] in ("COST_LIMITED", "DEPTH_LIMITED")
    assert validations == []


async def test_cycles_of_fragments_are_left_to_validation(validations):
    fragments = "".join(
        f"fragment F{n} on User {{ {' '.join(f'...F{m}' for m in range(8))} }} " for n in range(8)
    )

    with pytest.raises(InvalidDocument) as refused:
        await prepare(Params("{ me { ...F0 } } " + fragments))

    assert {error["extensions"]["code"] for error in refused.value.errors} == {"BAD_USER_INPUT"}
    assert validations == ["validated"]


async def test_20_repeats_and_200_fields_are_allowed(validations):
    await prepare(Params("{" + "me{id}" * 20 + "}"))
    await prepare(Params("{" + " ".join(f"a{n}: me {{ id }}" for n in range(200)) + "}"))

    assert len(validations) == 2


async def test_the_introspection_of_graphiql_is_allowed():
    query = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    )

    assert (await prepare(Params(query))).node


async def test_the_variables_of_a_known_document_are_checked_each_time():
    messages = "messages(last: 100) { edges { node { id } } }"
    query = f"query($n: Int) {{ rooms(first: $n) {{ edges {{ node {{ {messages} }} }} }} }}"

    assert await prepare(Params(query, {"n": 50}))
    with pytest.raises(InvalidDocument) as refused:
        await prepare(Params(query, {"n": 100}))
    assert refused.value.errors[0]["extensions"] == {"code": "COST_LIMITED"}
    assert await prepare(Params(query, {"n": 50}))


@pytest.mark.django_db(transaction=True)
async def test_a_client_sees_the_code_and_the_estimate(as_user, ada):
    response = await as_user(ada).run(nested(2, last=100))

    [error] = response["errors"]
    assert error["extensions"] == {"code": "COST_LIMITED"}
    assert "10,100" in error["message"]
    assert "data" not in response
