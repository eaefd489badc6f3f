"""The schema keeps what it promises, and its snapshot is up to date."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from graphql import build_schema, validate_schema
from graphql.utilities import find_breaking_changes

from gql.management.commands import export_schema
from gql.schema import schema, schema_text


def test_every_promised_name_has_its_type_and_nullability():
    promised = build_schema(Path(__file__).with_name("promised.graphql").read_text())
    assert [
        change.description for change in find_breaking_changes(promised, build_schema(schema_text()))
    ] == []


def test_the_schema_is_valid_and_its_snapshot_up_to_date():
    assert validate_schema(schema.graphql_schema) == []
    assert export_schema.SNAPSHOT.read_text() == schema_text(), "run `python manage.py export_schema`"


def test_a_stale_snapshot_fails_the_check(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(export_schema, "SNAPSHOT", tmp_path / "schema.graphql")
    with pytest.raises(CommandError, match="out of date"):
        call_command("export_schema", "--check")
    call_command("export_schema")
    call_command("export_schema", "--check")
