"""`manage.py trusted_documents SOURCES [--output FILE]`: check trusted documents, and make their manifest."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from graphql import GraphQLError, OperationDefinitionNode

from gql.requests.document_store import digest_of
from gql.requests.documents import InvalidDocument, parse_and_validate
from gql.requests.manifest import APOLLO_FORMAT, read_manifest


class Command(BaseCommand):
    help = (
        "Check documents against the schema and its limits, those of .graphql files (one document each, with its"
        " fragments) or of a manifest (.json); with --output, write a manifest for GRAPHQL_TRUSTED_DOCUMENTS."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("sources", nargs="+", type=Path, help="files, or folders of .graphql files")
        parser.add_argument("--output", type=Path, help="the manifest to write")

    def handle(self, *args: Any, sources: list[Path], output: Path | None, **options: Any) -> None:
        operations: dict[str, dict[str, Any]] = {}
        problems: list[str] = []
        for one in (one for source in sources for one in _documents_of(source)):
            try:
                operations[one.name] = _describe(one)
            except InvalidDocument as invalid:
                problems.append(f"{one.place}: {invalid}")
        if problems:
            raise CommandError("\n".join(problems))
        if output is not None:
            manifest = {"format": APOLLO_FORMAT, "version": 1, "operations": list(operations.values())}
            output.write_text(json.dumps(manifest, indent=2) + "\n")
        self.stdout.write(f"{len(operations)} documents can run.")


@dataclass(frozen=True, slots=True)
class _Document:
    """A document and what it is called; `place` is where a person finds it."""

    name: str
    place: str
    text: str


def _documents_of(source: Path) -> Iterator[_Document]:
    """What clients send has to have the same hash, so a file's text is taken without its margins."""
    try:
        if source.suffix == ".json":
            for name, text in read_manifest(source.read_bytes()).items():
                yield _Document(name, f"{source}, {name}", text)
            return
        files = sorted(source.rglob("*.graphql")) if source.is_dir() else [source]
        for file in files:
            text = file.read_text().strip()
            yield _Document(digest_of(text), str(file), text)
    except (OSError, ValueError) as error:
        raise CommandError(f"{source} cannot be used: {error}") from None
    if not files:
        raise CommandError(f"{source}: there is no .graphql file in it")


def _describe(document: _Document) -> dict[str, Any]:
    """An entry of the manifest. Raises InvalidDocument if it cannot run here."""
    definitions = parse_and_validate(document.text).document.definitions
    operations = [one for one in definitions if isinstance(one, OperationDefinitionNode)]
    if not operations:
        raise InvalidDocument([GraphQLError("It has no operation.")])
    first = operations[0]
    return {
        "id": document.name,
        "name": first.name.value if first.name else "",
        "type": first.operation.value,
        "body": document.text,
    }
