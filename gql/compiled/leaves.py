"""Scalars and enumerations, a column at a time.

A serializer takes the values and the set of their classes. It gives the results, None for None, or None in place of
the list when it cannot vouch for every value: these are then serialised one by one, each with its own error. Most
columns hold what they should, and a look at the set of classes is all they cost.
"""

from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import orjson
from graphene.types.datetime import DateTime
from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
    Undefined,
)

from gql.compiled.plan import SerializeColumn

_NONE = type(None)


def column_serializer(leaf: GraphQLLeafType) -> SerializeColumn:
    """The quick way for columns of a leaf type."""
    if isinstance(leaf, GraphQLEnumType):
        return _enum_serializer(leaf)
    known = _BUILT_IN.get(leaf.name)
    if known is not None and leaf is known[0]:
        return known[1]
    if leaf.serialize is DateTime.serialize:
        return _times
    return _custom_serializer(leaf.serialize)


def _strings(values: list[Any], kinds: set[type]) -> list[Any] | None:
    return values if kinds <= {str, _NONE} else None


def _booleans(values: list[Any], kinds: set[type]) -> list[Any] | None:
    return values if kinds <= {bool, _NONE} else None


def _ids(values: list[Any], kinds: set[type]) -> list[Any] | None:
    if kinds == {int}:
        return list(map(str, values))
    if kinds == {int, _NONE}:
        return [None if value is None else str(value) for value in values]
    return _strings(values, kinds)


def _ints(values: list[Any], kinds: set[type]) -> list[Any] | None:
    if not kinds <= {int, _NONE}:
        return None
    numbers = values if _NONE not in kinds else [value for value in values if value is not None]
    in_range = not numbers or (min(numbers) >= GRAPHQL_MIN_INT and max(numbers) <= GRAPHQL_MAX_INT)
    return values if in_range else None


def _times(values: list[Any], kinds: set[type]) -> list[Any] | None:
    """ISO 8601, by orjson where it writes as Python does, which is in UTC: in a fifth of the time."""
    if kinds == {datetime} and {value.tzinfo for value in values} == {UTC}:
        written: list[Any] = orjson.loads(orjson.dumps(values))
        return written
    if kinds <= {datetime, _NONE}:
        return [None if value is None else value.isoformat() for value in values]
    return None


def _floats(values: list[Any], kinds: set[type]) -> list[Any] | None:
    return values if kinds == {float} and all(map(isfinite, values)) else None


_BUILT_IN: dict[str, tuple[GraphQLLeafType, SerializeColumn]] = {
    "String": (GraphQLString, _strings),
    "Boolean": (GraphQLBoolean, _booleans),
    "ID": (GraphQLID, _ids),
    "Int": (GraphQLInt, _ints),
    "Float": (GraphQLFloat, _floats),
}


def _custom_serializer(serialize: Callable[[Any], Any]) -> SerializeColumn:
    def serialize_column(values: list[Any], kinds: set[type]) -> list[Any] | None:
        wanted = values if _NONE not in kinds else [value for value in values if value is not None]
        try:
            results = list(map(serialize, wanted))
        except Exception:  # whatever it is, it is told for the value that caused it, by the slow way
            return None
        if any(result is None or result is Undefined for result in results):
            return None
        if wanted is values:
            return results
        remaining = iter(results)
        return [None if value is None else next(remaining) for value in values]

    return serialize_column


def _enum_serializer(enum: GraphQLEnumType) -> SerializeColumn:
    """Looks up what was serialised before; only valid values are kept, and of these there are few."""
    known: dict[tuple[type, Hashable], str | None] = {(_NONE, None): None}

    def serialize_column(values: list[Any], kinds: set[type]) -> list[Any] | None:
        try:
            return [known[value.__class__, value] for value in values]
        except (KeyError, TypeError):  # not seen before, or not hashable
            pass
        try:
            for value in values:
                if value is not None:
                    known[value.__class__, value] = enum.serialize(value)
            return [known[value.__class__, value] for value in values]
        except Exception:  # as above: told by the slow way
            return None

    return serialize_column
