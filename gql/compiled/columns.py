"""What a run works on: batches of objects that are asked for the same, and columns of values.

A field gives one value for each object of its batch: a column. Where these are lists, their items are a column of
their own; where they are objects, these are a batch of the next level. Each knows where its values came from, so the
place of a value in the response (its path, and what becomes null with it) is worked out for errors alone.
"""

from bisect import bisect_right
from itertools import accumulate
from typing import Any, NamedTuple

from graphql.pyutils import Path

from gql.compiled.plan import FieldPlan, SelectionPlan, ValuePlan


class Batch:
    """Objects of one type and the dictionaries that become their results.

    They came from a column, in its order: from all its values or, with `indices`, from these. The root has none.
    """

    __slots__ = ("plan", "objects", "results", "kinds", "_column", "_indices")

    def __init__(
        self, plan: SelectionPlan, objects: list[Any], column: "Column | None", indices: list[int] | None
    ) -> None:
        self.plan = plan
        self.objects = objects
        copy = plan.template.copy
        self.results: list[dict[str, Any]] = [copy() for _ in objects]
        self.kinds = set(map(type, objects))
        self._column = column
        self._indices = indices

    def place(self, index: int) -> "Place | None":
        """Where an object came from; None for the root."""
        if self._column is None:
            return None
        return Place(self._column, index if self._indices is None else self._indices[index])


class FieldColumn:
    """The values of a field for the objects of a batch."""

    __slots__ = ("batch", "field", "plan", "values")

    def __init__(self, batch: Batch, field: FieldPlan, values: list[Any]) -> None:
        self.batch = batch
        self.field = field
        self.plan: ValuePlan = field.value
        self.values = values

    def put(self, completed: list[Any]) -> None:
        """Write completed values into the results of their objects."""
        key = self.field.key
        for result, value in zip(self.batch.results, completed, strict=True):
            result[key] = value

    def parent_of(self, index: int) -> "Place | None":
        """Where the object came from that has the value."""
        return self.batch.place(index)

    def field_place(self, index: int) -> "Place":
        return Place(self, index)

    def get(self, index: int) -> Any:
        return self.batch.results[index][self.field.key]

    def make_null(self, index: int) -> None:
        self.batch.results[index][self.field.key] = None

    def path(self, index: int) -> Path:
        above = self.batch.place(index)
        prev = None if above is None else above.column.path(above.row)
        return Path(prev, self.field.key, self.field.parent_type.name)

    def order(self, index: int) -> tuple[int, ...]:
        """Where a value stands in the response: tuples sort in the order in which a reader comes by."""
        above = self.batch.place(index)
        return (*(() if above is None else above.column.order(above.row)), self.field.index)


class ItemColumn:
    """The items of lists, one list after the other. `lengths` has one for each value of `parent`, 0 for no list."""

    __slots__ = ("parent", "field", "plan", "values", "_lengths", "_is_list", "_ends")

    def __init__(
        self,
        parent: "Column",
        plan: ValuePlan,
        values: list[Any],
        lengths: list[int],
        is_list: list[bool] | None,
    ) -> None:
        self.parent = parent
        self.field: FieldPlan = parent.field
        self.plan = plan
        self.values = values
        self._lengths = lengths
        self._is_list = is_list  # None: every value is one
        self._ends: list[int] = []

    def put(self, completed: list[Any]) -> None:
        """Cut completed items into their lists and write these."""
        lists: list[Any] = []
        start = 0
        for length in self._lengths:
            lists.append(completed[start : start + length])
            start += length
        if self._is_list is not None:
            lists = [value if real else None for value, real in zip(lists, self._is_list, strict=True)]
        self.parent.put(lists)

    def _locate(self, index: int) -> tuple[int, int]:
        """The list that an item is in, and its place there."""
        if not self._ends:
            self._ends = list(accumulate(self._lengths))
        which = bisect_right(self._ends, index)
        return which, index - (self._ends[which] - self._lengths[which])

    def parent_of(self, index: int) -> "Place | None":
        return Place(self.parent, self._locate(index)[0])

    def field_place(self, index: int) -> "Place":
        """Where the field's own value is that the item is in."""
        return self.parent.field_place(self._locate(index)[0])

    def get(self, index: int) -> Any:
        which, place = self._locate(index)
        values = self.parent.get(which)
        return None if values is None else values[place]

    def make_null(self, index: int) -> None:
        which, place = self._locate(index)
        values = self.parent.get(which)
        if values is not None:  # else the list is null already
            values[place] = None

    def path(self, index: int) -> Path:
        which, place = self._locate(index)
        return self.parent.path(which).add_key(place)

    def order(self, index: int) -> tuple[int, ...]:
        which, place = self._locate(index)
        return (*self.parent.order(which), place)


Column = FieldColumn | ItemColumn


class Place(NamedTuple):
    """One value of a column."""

    column: Column
    row: int
