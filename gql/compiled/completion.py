"""From what resolvers gave to what the response holds, a column at a time."""

from collections.abc import AsyncIterable, Iterable
from itertools import chain
from typing import TYPE_CHECKING, Any

from graphql import ExecutionContext, GraphQLError, Undefined
from graphql.pyutils import is_iterable

from gql.compiled.columns import Column, ItemColumn
from gql.compiled.objects import Group, find_types, place_objects
from gql.compiled.plan import LeafPlan, ListPlan, ObjectPlan
from gql.compiled.traits import ERROR, NULL, Kinds

if TYPE_CHECKING:
    from gql.compiled.run import Run


def complete(run: "Run", column: Column, kinds: Kinds) -> None:
    """Complete the values of a column, none of which is awaitable. What follows from it is handed to the run."""
    plan = column.plan
    if isinstance(plan, LeafPlan):
        _complete_leaves(run, column, plan, kinds)
        return
    if isinstance(plan, ListPlan) and any(map(_is_only_async_iterable, kinds.classes)):
        column.values = [
            _read(value) if _is_only_async_iterable(type(value)) else value for value in column.values
        ]
        run.add(column)  # again, when the lists have been read
        return
    indices, values = _sift(run, column, kinds)
    if not values:
        column.put([None] * len(column.values))
    elif isinstance(plan, ListPlan):
        _complete_lists(run, column, plan, indices, values, kinds)
    elif isinstance(plan, ObjectPlan):
        selection = run.variant.selection_of(plan, column.field.nodes)
        place_objects(run, column, [Group(selection, indices, values)], set(map(type, values)))
    else:
        find_types(run, column, plan, indices, values)


def _null_error(column: Column) -> TypeError:
    field = column.field
    return TypeError(f"Cannot return null for non-nullable field {field.parent_type.name}.{field.name}.")


def _sift(run: "Run", column: Column, kinds: Kinds) -> tuple[list[int] | None, list[Any]]:
    """The values that are neither null nor an error, and where they are in the column (None: all are)."""
    if not kinds.traits & (ERROR | NULL):
        return None, column.values
    indices: list[int] = []
    for index, value in enumerate(column.values):
        if isinstance(value, Exception):
            run.fail(column, index, value)
        elif value is not None and value is not Undefined:
            indices.append(index)
        elif not column.plan.nullable:
            run.fail(column, index, _null_error(column))
    return indices, [column.values[index] for index in indices]


def _is_only_async_iterable(class_: type) -> bool:
    return issubclass(class_, AsyncIterable) and not issubclass(class_, Iterable)


async def _read(values: AsyncIterable[Any]) -> list[Any]:
    return [value async for value in values]


def _complete_leaves(run: "Run", column: Column, plan: LeafPlan, kinds: Kinds) -> None:
    if not kinds.traits & ERROR and (plan.nullable or not kinds.traits & NULL):
        completed = plan.serialize(column.values, kinds.classes)
        if completed is not None:
            column.put(completed)
            return
    indices, values = _sift(run, column, kinds)
    where = range(len(values)) if indices is None else indices
    leaves: list[Any] = [None] * len(column.values)
    for index, value in zip(where, values, strict=True):
        try:
            leaves[index] = ExecutionContext.complete_leaf_value(plan.type, value)
        except Exception as error:  # serializers are anybody's code; it is the error of this value
            run.fail(column, index, error)
    column.put(leaves)


def _complete_lists(
    run: "Run", column: Column, plan: ListPlan, indices: list[int] | None, values: list[Any], kinds: Kinds
) -> None:
    if indices is None and kinds.classes <= {list, tuple}:
        items = ItemColumn(column, plan.item, list(chain.from_iterable(values)), list(map(len, values)), None)
        run.add(items)
        return
    flat: list[Any] = []
    lengths = [0] * len(column.values)
    is_list = [False] * len(column.values)
    for index, value in zip(range(len(values)) if indices is None else indices, values, strict=True):
        try:
            found = list(_iterable(column, value))
        except Exception as error:  # an iterator may raise anything; it is the error of this list
            run.fail(column, index, error)
            continue
        flat += found
        lengths[index] = len(found)
        is_list[index] = True
    run.add(ItemColumn(column, plan.item, flat, lengths, is_list))


def _iterable(column: Column, value: Any) -> Any:
    if is_iterable(value):
        return value
    field = column.field
    raise GraphQLError(
        f"Expected Iterable, but did not find one for field '{field.parent_type.name}.{field.name}'."
    )
