"""Which objects are of a type, where their class tells it."""

from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from graphene.types.schema import is_type_of_from_possible_types
from graphene_django import DjangoObjectType
from graphql import GraphQLObjectType

# Checks of these types by class, as far as they were made. Only what is of the type is kept.
_accepted: WeakKeyDictionary[GraphQLObjectType, dict[type, bool]] = WeakKeyDictionary()


def by_class(check: Callable[..., bool]) -> Callable[..., bool]:
    """Mark an `is_type_of` that looks at nothing but the object's class, so that its answers can be kept."""
    check.by_class = True  # type: ignore[attr-defined]
    return check


def accepted_classes(type_: GraphQLObjectType) -> dict[type, bool] | None:
    """The classes known to be of the type; None where its `is_type_of` may look at more than an object's class."""
    if not _asks_for_class(type_.is_type_of):
        return None
    return _accepted.setdefault(type_, {})


def _asks_for_class(check: Any) -> bool:
    if isinstance(check, partial):
        return check.func is is_type_of_from_possible_types
    function = getattr(check, "__func__", check)
    return function is DjangoObjectType.is_type_of.__func__ or getattr(function, "by_class", False)
