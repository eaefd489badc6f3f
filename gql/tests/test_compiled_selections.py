"""Fragments, merged fields and directives on a small schema, with graphql-core as the judge."""

import pytest
from graphql import (
    GraphQLInt,
    GraphQLString,
    parse,
)

from gql.compiled import OperationPlan, execute_plan
from gql.tests.oracle import UNAWAITED, forget_core, same
from gql.tests.small_schemas import giving, schema_of, tree

forget_core = pytest.fixture(autouse=True, scope="module")(forget_core)
pytestmark = UNAWAITED


async def test_fields_of_one_key_are_merged():
    schema = tree(ok=giving(GraphQLInt, 1), other=giving(GraphQLInt, 2))

    got = await same(
        schema,
        """{ node { ok ...F child { ok } } ... { node { child { other } } } }
           fragment F on Node { other child { again: ok ...G } }
           fragment G on Node { child { ok } __typename }""",
    )

    child = b'{"again":1,"child":{"ok":1},"__typename":"Node","ok":1,"other":2}'
    assert got.data == b'{"node":{"ok":1,"other":2,"child":' + child + b"}}"


DIRECTIVES = """
query ($yes: Boolean = true, $no: Boolean! = false, $given: Boolean) {
  a: ok @skip(if: $yes)
  b: ok @include(if: $yes)
  c: ok @skip(if: $no) @include(if: true)
  d: ok @include(if: false)
  ok @skip(if: $no)
  ... @include(if: $yes) { e: ok __typename }
  ...F @skip(if: $no)
  ... on Query @include(if: $no) { f: ok }
  ok
}
fragment F on Query { g: ok ok }
"""


@pytest.mark.parametrize(
    "variables", [{}, {"yes": False}, {"no": True}, {"yes": False, "no": True}, {"given": True}]
)
async def test_directives_decide_by_the_variables(variables):
    query = DIRECTIVES.replace(", $given: Boolean", "")

    await same(schema_of(ok=giving(GraphQLInt, 1)), query, variables=variables)


async def test_one_plan_serves_all_variables_and_keeps_few_variants():
    schema = schema_of(ok=giving(GraphQLInt, 1))
    names = [f"v{number}" for number in range(6)]
    declared = " ".join(f"${name}: Boolean!" for name in names)
    query = (
        f"query ({declared}) {{ ok " + " ".join(f"{name}: ok @include(if: ${name})" for name in names) + "}"
    )
    document = parse(query)
    plan = OperationPlan(schema, document, document.definitions[0])

    for number in range(64):
        variables = {name: bool(number & 1 << bit) for bit, name in enumerate(names)}
        result = await execute_plan(plan, variables=variables)
        assert list(result.data) == ["ok", *(name for name in names if variables[name])]

    assert len(plan._variants) == 16


async def test_a_directive_that_is_told_null_is_the_error_of_its_place():
    schema = tree(ok=giving(GraphQLInt, 1))

    await same(
        schema,
        "query ($v: Boolean = true) { node { ok } ok: must { ok @skip(if: $v) } }",
        variables={"v": None},
    )
    await same(
        schema, "query ($v: Boolean = true) { node { ok } must @skip(if: $v) { ok } }", variables={"v": None}
    )


OTHER_OPERATIONS = """
query A($a: Boolean!) { ok @skip(if: $a) }
query B($a: String) { ok ...F }
query C($a: [String!], $b: Boolean!) { ok ...G }
fragment F on Query { again: ok @include(if: true) }
fragment G on Query { again: ok @include(if: $b) }
"""


async def test_variables_of_other_operations_decide_nothing_and_are_not_kept():
    schema = schema_of(ok=giving(GraphQLInt, 1), text=giving(GraphQLString, ""))
    document = parse(OTHER_OPERATIONS)
    plans = {one.name.value: OperationPlan(schema, document, one) for one in document.definitions[:3]}

    for number in range(3):
        for name, given in (("B", "x" * number), ("C", [str(number)])):
            result = await execute_plan(plans[name], variables={"a": given, "b": True})
            assert (result.errors, result.data) == (None, {"ok": 1, "again": 1})

    assert [len(plans[name]._variants) for name in "BC"] == [1, 1]
