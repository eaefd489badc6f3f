"""graphql-core as the judge of the compiled executor: the same operation on both, compared."""

import gc
import inspect
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from graphql import ExecutionResult, GraphQLSchema, execute, get_operation_ast, parse, validate

from gql.compiled import OperationPlan, execute_plan

Error = tuple[str, tuple[str | int, ...], tuple[tuple[int, int], ...]]


@dataclass(frozen=True)
class Outcome:
    """A result in a form that compares, with the order of keys."""

    data: bytes
    errors: tuple[Error, ...]


class BatchingContext:
    """All that batched resolvers need under graphql-core."""

    def __init__(self) -> None:
        self.batches: dict[Any, Any] = {}


def outcome(result: ExecutionResult) -> Outcome:
    errors = [
        (error.message, tuple(error.path or ()), tuple((at.line, at.column) for at in error.locations or ()))
        for error in result.errors or ()
    ]
    return Outcome(orjson.dumps(result.data), tuple(errors))


async def run_on_both(
    schema: GraphQLSchema,
    text: str,
    *,
    variables: dict[str, Any] | None = None,
    root: Any = None,
    operation_name: str | None = None,
    context: Any = BatchingContext,
) -> tuple[Outcome, Outcome]:
    """(graphql-core's outcome, the compiled executor's) of a valid document. `context` makes one for each."""
    document = parse(text)
    assert validate(schema, document) == []
    result = execute(
        schema,
        document,
        root,
        context(),
        variables,
        operation_name,
        hide_suggestions=True,
    )
    expected = await result if inspect.isawaitable(result) else result
    operation = get_operation_ast(document, operation_name)
    assert operation is not None
    plan = OperationPlan(schema, document, operation)
    got = await execute_plan(plan, root=root, context=context(), variables=variables)
    return outcome(expected), outcome(got)


def settled(found: Outcome) -> tuple[bytes, frozenset[Error], frozenset[tuple[str | int, ...]]]:
    """An outcome without what depends on the order in which awaitables finish.

    Where the errors of several fields make one place null, the first hides others; which is the first, depends. So:
    the data, the errors of what is null on its own, and the places that are null for what lies below.
    """
    alone, above = set(), set()
    for error in found.errors:
        path = error[1]
        value, place = orjson.loads(found.data), 0
        while value is not None and place < len(path):
            value = value[path[place]]
            place += 1
        if place == len(path):
            alone.add(error)
        else:
            above.add(path[:place])
    return found.data, frozenset(alone), frozenset(above)


# Coroutines that graphql-core does not await after an error. One that is collected while code without builtins runs
# (such as a named tuple's) cannot even warn, which Python reports as an exception that nobody can catch.
UNAWAITED = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <coroutine object:pytest.PytestUnraisableExceptionWarning"
    ),
]


def forget_core() -> Iterator[None]:
    """Drop, at a module's end and without a warning, coroutines that graphql-core did not await after an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield
        gc.collect()


async def same_but_for_timing(schema: GraphQLSchema, text: str, **options: Any) -> Outcome:
    """As `same`, for resolvers that await: see `settled`."""
    expected, got = await run_on_both(schema, text, **options)
    assert settled(got) == settled(expected)
    return got


async def same(schema: GraphQLSchema, text: str, **options: Any) -> Outcome:
    """The outcome, which both executors agree on."""
    expected, got = await run_on_both(schema, text, **options)
    assert got == expected
    return got
