"""Arguments and variables on a small schema, with graphql-core as the judge."""

from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLScalarType,
    GraphQLString,
    parse,
)

from gql.compiled import OperationPlan, execute_plan
from gql.tests.oracle import UNAWAITED, forget_core, same
from gql.tests.small_schemas import Colour, fail, giving, list_of, required, schema_of

forget_core = pytest.fixture(autouse=True, scope="module")(forget_core)
pytestmark = UNAWAITED


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"n": 3},
        {"n": None},
        {"n": "x"},
        {"n": 2**40},
        {"list": [1, "x"]},
        {"input": {"even": 3, "x": 1}},
        {"input": {}},
        {"colour": "RED"},
        {"colour": "r"},
    ],
)
async def test_arguments_and_variables_are_coerced(variables):
    def parse_even(value: Any) -> Any:
        return value if value % 2 == 0 else fail("odd")

    even = GraphQLScalarType("InEven", parse_value=parse_even)
    box = GraphQLInputObjectType(
        "Box",
        {
            "even": GraphQLInputField(even, out_name="even_number"),
            "colour": GraphQLInputField(Colour, default_value="g"),
            "needed": GraphQLInputField(required(GraphQLInt), default_value=4),
        },
    )
    arguments = {
        "n": GraphQLArgument(GraphQLInt, default_value=5, out_name="number"),
        "list": GraphQLArgument(list_of(GraphQLInt)),
        "input": GraphQLArgument(box, default_value={}),
        "colour": GraphQLArgument(Colour),
        "must": GraphQLArgument(required(GraphQLInt), default_value=1),
    }
    schema = schema_of(
        echo=GraphQLField(GraphQLString, args=arguments, resolve=lambda _p, _i, **given: repr(given))
    )

    await same(
        schema,
        """query ($n: Int, $list: [Int], $input: Box, $colour: Colour, $must: Int = 2) {
          echo(n: $n, list: $list, input: $input, colour: $colour, must: $must)
          constant: echo(n: 1, colour: GREEN)
          some: echo(list: [1, $n], input: {even: 2, colour: $colour})
          bare: echo
        }""",
        variables=variables,
    )


async def test_an_argument_that_may_not_be_null_is_the_error_of_its_field():
    field = GraphQLField(
        GraphQLString,
        args={"n": GraphQLArgument(required(GraphQLInt), default_value=1)},
        resolve=lambda *_, n: str(n),
    )
    schema = schema_of(it=field, ok=giving(GraphQLInt, 1))

    await same(schema, "query ($n: Int = 3) { it(n: $n) ok }", variables={"n": None})


async def test_a_resolver_cannot_change_what_the_next_run_gets():
    def take(_parent: Any, _info: Any, numbers: list[int]) -> int:
        return numbers.pop()

    schema = schema_of(
        take=GraphQLField(GraphQLInt, args={"numbers": GraphQLArgument(list_of(GraphQLInt))}, resolve=take)
    )
    document = parse("{ take(numbers: [1, 2]) }")
    plan = OperationPlan(schema, document, document.definitions[0])

    results = [(await execute_plan(plan)).data for _ in range(2)]

    assert results == [{"take": 2}, {"take": 2}]
