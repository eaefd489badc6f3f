"""What the classes of a column's values have in common with nulls, errors and awaitables."""

from functools import lru_cache
from typing import Any, NamedTuple

from graphql.pyutils import Undefined

NULL, ERROR, AWAITABLE = 1, 2, 4


class Kinds(NamedTuple):
    """The classes of some values and the traits that any of them has, as flags."""

    classes: set[type]
    traits: int


def kinds_of(values: list[Any]) -> Kinds:
    """The kinds of the values: a set of their classes costs little, and mostly has one."""
    classes = set(map(type, values))
    traits = 0
    for class_ in classes:
        traits |= _traits_of_class(class_)
    return Kinds(classes, traits)


@lru_cache(maxsize=4096)
def _traits_of_class(class_: type) -> int:
    if class_ is type(None) or class_ is type(Undefined):
        return NULL
    if issubclass(class_, Exception):
        return ERROR
    # Coroutines, futures and tasks; not the generators of `types.coroutine`, which nobody writes any more.
    return AWAITABLE if hasattr(class_, "__await__") else 0
