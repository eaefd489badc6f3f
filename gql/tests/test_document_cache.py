"""Documents are kept by their text: the latest, within bounds, and only valid ones."""

import gc
from collections import Counter
from collections.abc import Iterator

import pytest
from graphql import get_operation_ast

from gql.context import Context
from gql.executor import execute_operation
from gql.protection.selection import Selection
from gql.protection.throttle import Charge, Payer
from gql.requests.documents import (
    CACHED_DOCUMENT_MAX_CHARACTERS,
    PLAN_FIELD_CHARACTERS,
    Documents,
    InvalidDocument,
)
from gql.requests.operations import Operation, Params

A, B, C = "{ me { id } }", "{ me { username } }", "{ me { displayName } }"
_MODULES = (
    "gql.requests.documents",
    "gql.compiled.compiler",
    "gql.compiled.plan",
    "gql.protection.estimate",
    "gql.protection.selection",
    "graphql.language.ast",
)


def known(documents: Documents, *texts: str) -> list[bool]:
    return [documents.find(text) is not None for text in texts]


async def test_a_document_is_prepared_once():
    documents = Documents()
    prepared = await documents.add(A)

    assert documents.find(A) is prepared
    assert documents.find(A + " ") is None


async def test_the_documents_that_were_used_last_are_kept():
    documents = Documents(capacity=2)
    await documents.add(A)
    await documents.add(B)
    documents.find(A)
    await documents.add(C)

    assert known(documents, A, B, C) == [True, False, True]


async def test_what_they_take_is_bounded_together():
    documents = Documents(max_weight=sum([(await Documents().add(text)).weight for text in (A, C)]))
    for text in (A, B, A, C, C):
        await documents.add(text)

    assert known(documents, A, B, C) == [False, False, True]
    await documents.add(A)
    assert known(documents, A, B, C) == [True, False, True]


async def test_what_is_refused_or_very_long_is_not_kept():
    documents = Documents()
    with pytest.raises(InvalidDocument):
        await documents.add("{ nothing }")
    await documents.add('{ user(id: "' + "1" * 20_000 + '") { id } }')

    assert len(documents) == 0


async def test_hundreds_of_documents_leave_no_more_than_the_bounds():
    documents = Documents(capacity=10)
    for number in range(300):
        await documents.add(f"query Q{number} {{ me {{ id }} }}")

    assert len(documents) == 10


def weighing(operations: int, variables: int) -> str:
    """A document with as many operations, all of which spread the same eighty fields."""
    declared = ", ".join(f"$v{n}: Boolean!" for n in range(variables))
    skipped = " ".join(f"v{n}: id @skip(if: $v{n})" for n in range(variables))
    names = " ".join(f"a{n}: id" for n in range(80))
    heads = [
        f"query Q{n}{f'({declared})' if declared else ''} {{ me {{ ...F }} }}" for n in range(operations)
    ]
    return " ".join([*heads, f"fragment F on User {{ {names} {skipped} }}"])


async def test_plans_that_may_be_asked_for_count_before_they_are_compiled():
    light, heavy, heaviest = [await Documents().add(weighing(*sizes)) for sizes in ((1, 0), (1, 2), (10, 4))]

    fields = (light.weight - len(weighing(1, 0))) // PLAN_FIELD_CHARACTERS
    assert 80 <= fields <= 90
    assert heavy.weight > 8 * fields * PLAN_FIELD_CHARACTERS
    assert heaviest.weight > 10 * 16 * fields * PLAN_FIELD_CHARACTERS > CACHED_DOCUMENT_MAX_CHARACTERS
    documents = Documents()
    await documents.add(weighing(10, 4))
    assert len(documents) == 0


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Circles of references stay."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def living_parts() -> Counter[str]:
    """How many objects there are of the classes that documents and their plans are made of."""
    return Counter(type(one).__qualname__ for one in gc.get_objects() if type(one).__module__ in _MODULES)


async def run_distinct(cache: Documents, numbers: range) -> None:
    """Prepare and run documents that nobody sent before."""
    for number in numbers:
        text = (
            f"query Q{number}($with: Boolean!) {{ me {{ ...A{number} id @include(if: $with) }} }}"
            f" fragment A{number} on User {{ a{number}: displayName email }}"
        )
        for params in (Params(text, {"with": True}), Params(text, {"with": False})):
            prepared = cache.find(text) or await cache.add(text)
            node = get_operation_ast(prepared.document, None)
            assert node is not None
            context = Context(None)
            prepared.operations[f"Q{number}"].cost(params.variables)
            charge = Charge(Payer(context), Selection(), 0)
            result = await execute_operation(Operation(prepared, node, params, charge), context)
            assert (result.data, result.errors) == ({"me": None}, None)
        gc.collect(0)  # the newest objects: validation leaves circles of its own


async def test_a_forgotten_document_leaves_nothing_even_before_the_collector_comes(no_collector):
    cache = Documents(capacity=10)
    others = living_parts()

    await run_distinct(cache, range(100))
    after_100 = living_parts() - others
    await run_distinct(cache, range(100, 300))

    assert after_100["Prepared"] == after_100["OperationPlan"] == 10
    assert living_parts() - others == after_100
