"""The schema keeps what it promises, and its snapshot is up to date."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from graphql import GraphQLInputObjectType, GraphQLSchema, Undefined, build_schema, validate_schema
from graphql.utilities import DangerousChangeType, find_breaking_changes, find_dangerous_changes

from gql.management.commands import export_schema
from gql.schema import schema, schema_text


def _promised() -> GraphQLSchema:
    return build_schema(Path(__file__).with_name("promised.graphql").read_text())


def test_every_promised_name_has_its_type_and_nullability():
    changes = find_breaking_changes(_promised(), build_schema(schema_text()))
    assert [change.description for change in changes] == []


def test_every_promised_default_of_an_argument_or_input_field_is_kept():
    kept = build_schema(schema_text())
    changes = find_dangerous_changes(_promised(), kept)
    assert [c.description for c in changes if c.type is DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE] == []
    for name, promised in _promised().type_map.items():
        if isinstance(promised, GraphQLInputObjectType):
            for field, value in promised.fields.items():
                if value.default_value is not Undefined:
                    assert kept.type_map[name].fields[field].default_value == value.default_value, field


def test_the_schema_is_valid_and_its_snapshot_up_to_date():
    assert validate_schema(schema.graphql_schema) == []
    assert export_schema.SNAPSHOT.read_text() == schema_text(), "run `python manage.py export_schema`"


def test_a_stale_snapshot_fails_the_check(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(export_schema, "SNAPSHOT", tmp_path / "schema.graphql")
    with pytest.raises(CommandError, match="out of date"):
        call_command("export_schema", "--check")
    call_command("export_schema")
    call_command("export_schema", "--check")
