"""The beginning of a level: every resolver is called."""

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from graphql import get_argument_values

from gql.compiled.columns import Batch, FieldColumn
from gql.compiled.info import Info
from gql.compiled.plan import CallBatch, CallEach, FieldPlan, ReadAttribute
from gql.compiled.resolvers import read_attributes
from gql.compiled.traits import Kinds
from gql.loading.batching import BatchFunction, batch_key

if TYPE_CHECKING:
    from gql.compiled.run import Run

Level = Sequence[tuple[Batch, Iterable[FieldPlan]]]


def start_level(run: "Run", level: Level) -> None:
    """Call the resolvers of all fields; batched ones that are called alike in several places are called once."""
    calls: dict[Hashable, BatchCall] = {}
    for batch, fields in level:
        for field in fields:
            _start_field(run, FieldColumn(batch, field, []), calls)
    for call in calls.values():
        call.start(run)
        run.add(call)


def _start_field(run: "Run", column: FieldColumn, calls: dict[Hashable, "BatchCall"]) -> None:
    resolver, parents = column.field.resolver, column.batch.objects
    if isinstance(resolver, ReadAttribute):
        column.values = read_attributes(resolver, parents, column.batch.kinds)
        run.add(column)
        return
    try:
        arguments = _arguments(run, column.field)
    except Exception as error:  # also what a scalar's parser raises; it is the error of each value
        column.values = [error] * len(parents)
        run.add(column)
        return
    if isinstance(resolver, CallEach):
        column.values = [
            _call(resolver, parent, Info(run, column, index), arguments)
            for index, parent in enumerate(parents)
        ]
        run.add(column)
        return
    key = batch_key(resolver.function, arguments)
    if key not in calls:
        calls[key] = BatchCall(resolver, arguments)
    calls[key].columns.append(column)


def _arguments(run: "Run", field: FieldPlan) -> dict[str, Any]:
    if field.arguments is not None:
        return field.arguments
    return get_argument_values(field.definition, field.nodes[0], run.variables)


def _call(resolver: CallEach, parent: Any, info: Info, arguments: dict[str, Any]) -> Any:
    try:
        return resolver.function(parent, info, **arguments)
    except Exception as error:  # whatever a resolver raises is the error of its field
        return error


class BatchCall:
    """One call of a batched resolver, for one column or several; `values` has what it gave, alone."""

    __slots__ = ("columns", "values", "_function", "_arguments")

    def __init__(self, resolver: CallBatch, arguments: dict[str, Any]) -> None:
        self.columns: list[FieldColumn] = []
        self.values: list[Any] = []
        self._function: BatchFunction = resolver.function
        self._arguments = arguments

    def start(self, run: "Run") -> None:
        """Make the call. The info it gets is that of the first parent."""
        parents = self.columns[0].batch.objects
        for column in self.columns[1:]:
            parents = parents + column.batch.objects
        info = Info(run, self.columns[0], 0)
        try:
            self.values = [self._function(parents, info, **self._arguments)]
        except Exception as error:  # as for resolvers of one parent
            self.values = [error]

    def complete(self, run: "Run", kinds: Kinds) -> None:
        """Hand the values to the columns."""
        total = sum(len(column.batch.objects) for column in self.columns)
        values = self._checked(self.values[0], total)
        start = 0
        for column in self.columns:
            end = start + len(column.batch.objects)
            column.values = values[start:end]
            start = end
            run.add(column)

    def _checked(self, given: Any, total: int) -> list[Any]:
        if isinstance(given, Exception):
            return [given] * total
        if not isinstance(given, list | tuple) or len(given) != total:
            name = getattr(self._function, "__qualname__", repr(self._function))
            return [TypeError(f"{name} must give a list of {total} values, one for each parent.")] * total
        return list(given)
