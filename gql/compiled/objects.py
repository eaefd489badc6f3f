"""Objects: which type each has, whether it really has, and the batches they make."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphql import default_type_resolver
from graphql.execution.execute import invalid_return_type_error

from gql.compiled.columns import Batch, Column
from gql.compiled.info import Info
from gql.compiled.plan import AbstractPlan, SelectionPlan
from gql.compiled.traits import AWAITABLE, Kinds, kinds_of

if TYPE_CHECKING:
    from gql.compiled.run import Run


@dataclass(frozen=True, slots=True)
class Group:
    """Objects of one type in a column, and their indices there (None: all of its values)."""

    selection: SelectionPlan
    indices: list[int] | None
    objects: list[Any]

    def row(self, number: int) -> int:
        return number if self.indices is None else self.indices[number]


def place_objects(run: "Run", column: Column, groups: list[Group], classes: set[type]) -> None:
    """Check the objects' types and put results in their places, which their batches fill."""
    if len(groups) == 1 and _needs_no_check(groups[0].selection, classes):
        _put_batches(run, column, groups)
        return
    verdicts = [_verdicts(run, column, group) for group in groups]
    flat = [verdict for some in verdicts for verdict in some]
    checks = TypeChecks(column, groups, flat)
    if kinds_of(flat).traits & AWAITABLE:
        run.add(checks)
    else:
        checks.finish(run)


def _needs_no_check(selection: SelectionPlan, classes: set[type]) -> bool:
    if selection.problem is not None:
        return False
    if selection.object_type.is_type_of is None:
        return True
    return selection.accepts is not None and all(class_ in selection.accepts for class_ in classes)


def _verdicts(run: "Run", column: Column, group: Group) -> list[Any]:
    """For each object whether it is of its type: a truth value, an exception, or an awaitable of a truth value."""
    selection = group.selection
    if selection.problem is not None:
        return [selection.problem] * len(group.objects)
    check = selection.object_type.is_type_of
    if check is None:
        return [True] * len(group.objects)
    verdicts: list[Any] = []
    for number, one in enumerate(group.objects):
        info: Any = Info(run, column, group.row(number))
        try:
            verdicts.append(check(one, info))
        except Exception as error:  # checks are anybody's code; it is the error of this object
            verdicts.append(error)
    return verdicts


class TypeChecks:
    """Objects whose types are being checked; `values` has a verdict for each."""

    __slots__ = ("column", "groups", "values")

    def __init__(self, column: Column, groups: list[Group], verdicts: list[Any]) -> None:
        self.column = column
        self.groups = groups
        self.values = verdicts

    def complete(self, run: "Run", kinds: Kinds) -> None:
        self.finish(run)

    def finish(self, run: "Run") -> None:
        verdicts = iter(self.values)
        groups = [self._keep_accepted(run, group, verdicts) for group in self.groups]
        _put_batches(run, self.column, groups)

    def _keep_accepted(self, run: "Run", group: Group, verdicts: Any) -> Group:
        selection = group.selection
        kept = Group(selection, [], [])
        assert kept.indices is not None
        for number, one in enumerate(group.objects):
            verdict = next(verdicts)
            if isinstance(verdict, Exception):
                run.fail(self.column, group.row(number), verdict)
            elif verdict:
                kept.indices.append(group.row(number))
                kept.objects.append(one)
                if selection.accepts is not None:
                    selection.accepts[type(one)] = True
            else:
                nodes = self.column.field.nodes
                run.fail(
                    self.column,
                    group.row(number),
                    invalid_return_type_error(selection.object_type, one, nodes),
                )
        return kept


def _put_batches(run: "Run", column: Column, groups: list[Group]) -> None:
    results: list[Any] = [None] * len(column.values)
    for group in groups:
        batch = Batch(group.selection, group.objects, column, group.indices)
        run.add_batch(batch)
        if group.indices is None:
            results = list(batch.results)
        else:
            for index, result in zip(group.indices, batch.results, strict=True):
                results[index] = result
    column.put(results)


def find_types(
    run: "Run", column: Column, plan: AbstractPlan, indices: list[int] | None, values: list[Any]
) -> None:
    """Ask for the type of each value of an abstract type."""
    resolve_type = plan.type.resolve_type or default_type_resolver
    names: list[Any] = []
    for number, value in enumerate(values):
        info: Any = Info(run, column, number if indices is None else indices[number])
        try:
            names.append(resolve_type(value, info, plan.type))
        except Exception as error:  # as with checks
            names.append(error)
    run.add(TypeNames(column, plan, indices, values, names))


class TypeNames:
    """Objects of an abstract type; `values` has the name of each one's type, or an error."""

    __slots__ = ("column", "plan", "indices", "objects", "values")

    def __init__(
        self,
        column: Column,
        plan: AbstractPlan,
        indices: list[int] | None,
        objects: list[Any],
        names: list[Any],
    ) -> None:
        self.column = column
        self.plan = plan
        self.indices = indices
        self.objects = objects
        self.values = names

    def complete(self, run: "Run", kinds: Kinds) -> None:
        groups: dict[str, Group] = {}
        for number, (one, name) in enumerate(zip(self.objects, self.values, strict=True)):
            index = number if self.indices is None else self.indices[number]
            try:
                if isinstance(name, Exception):
                    raise name
                group = groups.get(name) or self._new_group(run, groups, name, one, index)
            except Exception as error:  # from whoever was to tell the type, or of a type that cannot be
                run.fail(self.column, index, error)
                continue
            assert group.indices is not None
            group.indices.append(index)
            group.objects.append(one)
        place_objects(run, self.column, list(groups.values()), {type(one) for one in self.objects})

    def _new_group(self, run: "Run", groups: dict[str, Group], name: Any, one: Any, index: int) -> Group:
        nodes = self.column.field.nodes
        info: Any = Info(run, self.column, index)
        type_ = run.core.ensure_valid_runtime_type(name, self.plan.type, nodes, info, one)
        groups[name] = group = Group(run.variant.selection_of_type(self.plan, type_, nodes), [], [])
        return group
