"""What went wrong in a run, and what it leaves of the response."""

from collections.abc import Sequence
from typing import NamedTuple

from graphql import GraphQLError, located_error

from gql.compiled.columns import Column, Place


class Failure(NamedTuple):
    """The error of one value."""

    column: Column
    row: int
    error: Exception


def nulled_place(column: Column, row: int) -> Place | None:
    """The nearest place at or above a value that may be null; None when there is none up to the root."""
    place: Place | None = Place(column, row)
    while place is not None and not place.column.plan.nullable:
        place = place.column.parent_of(place.row)
    return place


def apply_failures(failures: Sequence[Failure]) -> tuple[list[GraphQLError], bool]:
    """Make null what has to be. Gives the errors to tell, and whether the response as a whole is null.

    A reader who goes through the response from the top meets the errors in their order. One that makes a place null
    hides what would have come after it there, as in graphql-core, which does not execute it.
    """
    errors: list[GraphQLError] = []
    hidden: set[tuple[int, ...]] = set()
    for failure in sorted(failures, key=lambda failure: failure.column.order(failure.row)):
        column, row, error = failure
        place = nulled_place(column, row)
        position = () if place is None else place.column.order(place.row)
        if place is not None:
            place.column.make_null(place.row)
        if any(position[:length] in hidden for length in range(len(position) + 1)):
            continue
        hidden.add(position)
        errors.append(located_error(error, column.field.nodes, column.path(row).as_list()))
    errors.sort(key=lambda error: (error.locations or [], error.path or [], error.message))
    return errors, () in hidden
