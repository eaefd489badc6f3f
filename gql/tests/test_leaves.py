"""Quick ways of the compiled executor give what the slow ones give."""

from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from graphene.types.datetime import DateTime
from hypothesis import given
from hypothesis import strategies as st

from chat.models import Room
from gql.compiled.leaves import column_serializer
from gql.compiled.plan import ReadAttribute
from gql.compiled.resolvers import read_attributes, resolver_of
from gql.schema import schema

TYPES = schema.graphql_schema.type_map
ZONES = st.sampled_from(
    [UTC, None, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(seconds=-3))]
)
TIMES = st.one_of(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=ZONES), st.none())


def by_column(values: list[datetime | None]) -> list[str | None] | None:
    return column_serializer(TYPES["DateTime"])(values, set(map(type, values)))


@given(st.lists(TIMES))
def test_a_column_of_times_is_written_as_each_of_them_is(values):
    assert by_column(values) == [None if value is None else DateTime.serialize(value) for value in values]


@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=1))
def test_a_column_of_times_in_utc_is_written_as_each_of_them_is(values):
    assert by_column(values) == [value.isoformat() for value in values]


@pytest.mark.parametrize("stranger", ["2026-01-01", 5, datetime(2026, 1, 1).date()])
def test_a_column_that_holds_something_else_is_left_to_the_slow_way(stranger):
    assert by_column([datetime(2026, 1, 1, tzinfo=UTC), stranger]) is None


def test_ids_of_models_are_read_without_a_call_and_one_without_has_its_own_error():
    how = resolver_of(TYPES["Room"].fields["id"])
    assert isinstance(how, ReadAttribute)
    parents = [Room(pk=7), SimpleNamespace()]

    values = read_attributes(how, parents, set(map(type, parents)))

    assert values[0] == 7
    assert isinstance(values[1], AttributeError)
