"""`manage.py export_schema [--check]`: keep gql/schema.graphql in step with the code."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

import gql
from gql.schema import schema_text

SNAPSHOT = Path(gql.__file__).with_name("schema.graphql")


class Command(BaseCommand):
    help = "Write the GraphQL schema to gql/schema.graphql; with --check, fail if the file is not up to date."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="change nothing, exit 1 if the file is out of date"
        )

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        text = schema_text()
        if check:
            if not SNAPSHOT.exists() or SNAPSHOT.read_text() != text:
                raise CommandError("gql/schema.graphql is out of date: run `python manage.py export_schema`.")
            return
        SNAPSHOT.write_text(text)
        self.stdout.write(f"Wrote {SNAPSHOT.name}.")
