"""What an operation may cost, from its selection and variables, and what it did cost, from its response. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql import FieldNode, IntValueNode, OperationDefinitionNode, VariableNode

from gql.protection.declared import MAX_ROWS, FieldCost, ListSize
from gql.protection.limits import MAX_COST, MAX_VALUES, CostLimited
from gql.protection.selection import Selected, SelectingOperation, Selection

Variables = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Estimate:
    """An upper estimate: what the objects and fields cost, and how many fields all objects have."""

    cost: int
    values: int


class _Sum(NamedTuple):
    """Of a selection set: cost and values once, and those that come again for each object of a page."""

    cost: int
    values: int
    row_cost: int
    row_values: int


class CostFunction:
    """What one operation costs, as a function of its variables. What depends on none is worked out once.

    Directives are not looked at: a field that is skipped counts.
    """

    __slots__ = ("_defaults", "_known", "_selection")

    def __init__(self, operation: SelectingOperation) -> None:
        self._selection = operation.selection
        self._defaults = _defaults(operation.node)
        self._known: dict[int, _Sum] = {}
        self._sum(operation.selection, None, self._known)

    def __call__(self, variables: Variables | None) -> Estimate:
        total = self._known.get(id(self._selection))
        if total is None:
            total = self._sum(self._selection, {**self._defaults, **(variables or {})}, dict(self._known))
            assert total is not None  # the variables are there
        return Estimate(total.cost + total.row_cost, total.values + total.row_values)

    def _sum(self, selection: Selection, variables: Variables | None, known: dict[int, _Sum]) -> _Sum | None:
        """The sum, and in `known` those of all selections below; None where it needs variables, and has none."""
        if id(selection) in known:
            return known[id(selection)]
        cost, values, row_cost, row_values = selection.values_cost, selection.values, 0, 0
        varies = False
        for selected in selection.objects:
            below = self._sum(selected.below, variables, known)
            once = _once(selected, below, variables) if below is not None else None
            if once is None:
                varies = True
            elif selected.is_sized:
                values += 1  # the list itself
                row_cost, row_values = row_cost + once.cost, row_values + once.values - 1
            else:
                cost, values = cost + once.cost, values + once.values
        if varies:
            return None
        total = known[id(selection)] = _Sum(cost, values, row_cost, row_values)
        return total


def _once(selected: Selected, below: _Sum, variables: Variables | None) -> Estimate | None:
    """The fields of one response name on one parent."""
    cost = values = 0
    for node, declared in selected.costs:
        rows = _rows(node, declared, variables)
        if rows is None:
            return None
        each = selected.per_object + below.cost
        if declared.size is not None and declared.size.sized:
            this_cost, this_values = each + rows * below.row_cost, below.values + rows * below.row_values
        else:
            this_cost, this_values = rows * (each + below.row_cost), rows * (below.values + below.row_values)
        cost = max(cost, declared.complexity + this_cost)
        values = max(values, 1 + this_values)
    return Estimate(cost, values)


def _rows(node: FieldNode, declared: FieldCost, variables: Variables | None) -> int | None:
    """How many objects the field is taken to give; None where a variable says it, and there are none."""
    if declared.size is None:
        return 1
    asked: list[float] = []
    for argument in node.arguments or ():
        if argument.name.value not in declared.size.arguments:
            continue
        value: Any = argument.value
        if isinstance(value, IntValueNode):
            asked.append(_int(value))
        elif isinstance(value, VariableNode):
            if variables is None:
                return None
            given = variables.get(value.name.value)
            if isinstance(given, int | float):  # anything else is refused, or null and so the default
                asked.append(given)
    return _within_a_page(asked, declared.size)


def _within_a_page(asked: list[float], size: ListSize) -> int:
    return int(min(max(*asked, 0), MAX_ROWS)) if asked else size.assumed


def _defaults(operation: OperationDefinitionNode) -> dict[str, int]:
    return {
        variable.variable.name.value: _int(variable.default_value)
        for variable in operation.variable_definitions or ()
        if isinstance(variable.default_value, IntValueNode)
    }


def _int(node: IntValueNode) -> int:
    return int(node.value[:10])  # the text may have thousands of digits


def check_estimate(estimate: Estimate) -> None:
    """Refuse an operation that asks for too much.

    Raises:
        CostLimited.
    """
    if estimate.cost > MAX_COST:
        raise CostLimited(
            f"The operation may cost {estimate.cost:,}; at most {MAX_COST:,} is allowed. Ask for smaller pages."
        )
    if estimate.values > MAX_VALUES:
        raise CostLimited(
            f"The operation asks for about {estimate.values:,} values; at most {MAX_VALUES:,} are given."
            " Ask for smaller pages or fewer fields."
        )


def actual_cost(selection: Selection, data: Mapping[str, Any] | None) -> int:
    """What a response cost: the objects that are in it. What a field of the root costs by itself is always due."""
    total = selection.values_cost
    parents = [data] if data else []
    for selected in selection.objects:
        total += _complexity(selected) + _objects_cost(selected, parents)
    return total


def _cost_below(selection: Selection, parents: list[Any]) -> int:
    total = selection.values_cost * len(parents)
    for selected in selection.objects:
        total += _complexity(selected) * len(parents) + _objects_cost(selected, parents)
    return total


def _objects_cost(selected: Selected, parents: list[Any]) -> int:
    """One field of all parents at once: a level costs as many steps as it has fields."""
    name = selected.name
    found = [value for parent in parents if (value := parent.get(name)) is not None]
    while found and isinstance(found[0], list):
        found = [value for values in found for value in values if value is not None]
    if not found:
        return 0
    return selected.per_object * len(found) + _cost_below(selected.below, found)


def _complexity(selected: Selected) -> int:
    return max(declared.complexity for _, declared in selected.costs)
