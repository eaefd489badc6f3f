import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chat.errors import DomainError
from rag.actions.texts import add_text
from rag.evaluation import command
from rag.management.collections import add_owner_argument, collection_named, finish, owner_named
from rag.models import Collection
from rag.retrieval.filters import SearchFilters
from rag.retrieval.search import CANDIDATES, Audience, search_with_sources

# A document is found by its best passage, so more passages are looked at than documents wanted.
PASSAGES_PER_DOCUMENT = 4


class Command(BaseCommand):
    help = "Load a corpus of {id, title, text} lines, or run a file of {id, text} questions against a collection."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        load = actions.add_parser("load", help="load CORPUS.jsonl; what is loaded already is skipped")
        load.add_argument("corpus", type=Path)
        run = actions.add_parser("run", help="write query_id, doc_id, rank, score lines")
        run.add_argument("queries", type=Path)
        run.add_argument("out", type=Path)
        run.add_argument("--top", type=int, default=100, help="documents per question (100)")
        for action in (load, run):
            action.add_argument("--collection", required=True)
            add_owner_argument(action)
        command.add_arguments(actions.add_parser("evaluate", help="ask a golden set and print its table"))

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] == "load":
            self._load(options)
        elif options["action"] == "evaluate":
            command.evaluate(options, self.stdout)
        else:
            self._run(options)

    def _load(self, options: dict[str, Any]) -> None:
        owner = owner_named(options["owner"])
        collection = collection_named(owner, options["collection"], everyone=False)
        ids = []
        for line in _lines(options["corpus"]):
            try:
                document = add_text(
                    owner,
                    collection_id=collection.pk,
                    source=str(line["id"]),
                    title=line.get("title") or "",
                    text=line["text"],
                )
            except DomainError as error:
                raise CommandError(f"{options['corpus']}, id {line['id']}: {error.message}") from None
            ids.append(document.pk)
        finish(ids, self.stdout, self.stderr)

    def _run(self, options: dict[str, Any]) -> None:
        collection = Collection.objects.filter(name__iexact=options["collection"]).order_by("pk").first()
        if collection is None:
            raise CommandError(f"There is no collection named {options['collection']!r}.")
        top = options["top"]
        with options["out"].open("w") as out:
            for query in _lines(options["queries"]):
                for rank, (source, score) in enumerate(_documents(query["text"], collection.pk, top), 1):
                    out.write(f"{query['id']}\t{source}\t{rank}\t{score:.6f}\n")


def _documents(question: str, collection_id: int, top: int) -> list[tuple[str, float]]:
    """The best documents, each with the score of its best passage."""
    passages = search_with_sources(
        Audience.everything(),
        question,
        top_k=top * PASSAGES_PER_DOCUMENT,
        filters=SearchFilters(collection_ids=(collection_id,)),
        candidates=max(CANDIDATES, top * PASSAGES_PER_DOCUMENT),
    )
    best: dict[str, float] = {}
    for passage, source in passages:
        best.setdefault(source, passage.score)
    return list(best.items())[:top]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines."""
    try:
        with path.open() as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _object(line, f"{path}, line {number}")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None


def _object(line: str, place: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise CommandError(f"{place}: {error}") from None
    if not isinstance(value, dict) or not isinstance(value.get("text"), str) or "id" not in value:
        raise CommandError(f"{place}: must be an object with id and text")
    return value
