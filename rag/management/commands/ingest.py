import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.management.base import BaseCommand, CommandError

from chat.errors import DomainError
from rag.actions import delete_other_versions, upload_document
from rag.collection_commands import add_owner_argument, collection_named, finish, owner_named
from rag.models import Document
from rag.parsing import HEAD_BYTES, WrongType, detect_media_type


class Command(BaseCommand):
    """Uploads files, then works on them as one more worker of their queue, whether or not others run."""

    help = (
        "Add files, and the readable files of folders, to a collection. Unchanged files are skipped, changed ones"
        " replace what came from the same place before. Ends when all are READY or FAILED; exit code 1 if any failed."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument("--collection", required=True, metavar="NAME", help="made if there is none")
        parser.add_argument("--private", action="store_true", help="a new collection is not for everyone")
        add_owner_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(_files(options["paths"]))
        owner = owner_named(options["owner"])
        collection = collection_named(owner, options["collection"], everyone=not options["private"])
        self.stdout.write(
            f"Collection {collection.name}: {'for everyone' if collection.everyone else 'not for everyone'}."
        )
        documents, refused = {}, 0
        for path, source in found:
            try:
                with path.open("rb") as file:
                    document = upload_document(
                        owner, collection_id=collection.pk, file=File(file), filename=path.name, source=source
                    )
            except (DomainError, OSError) as error:
                refused += 1
                self.stderr.write(f"FAILED {source}: {error}")
            else:
                documents[document.pk] = document
        unchanged = sum(document.status == Document.Status.READY for document in documents.values())
        if unchanged:
            self.stdout.write(f"{unchanged} unchanged.")
        try:
            finish(list(documents), self.stdout, self.stderr)
        finally:
            for pk in Document.objects.filter(pk__in=documents, status=Document.Status.READY).values_list(
                "pk", flat=True
            ):
                delete_other_versions(owner, document_id=pk)
        if refused:
            raise CommandError(f"{refused} of {len(found)} files could not be taken.")


def _files(paths: list[Path]) -> Iterator[tuple[Path, str]]:
    """Files to upload with their sources: the path from the folder named on the command line, that folder included.

    A file named itself is always among them. In folders, hidden files and those of unreadable kinds are passed over.
    """
    for path in paths:
        if not path.exists():
            raise CommandError(f"{path}: there is no such file or folder.")
        if path.is_dir():
            root = path.resolve()
            for file in sorted(root.rglob("*")):
                relative = file.relative_to(root)
                hidden = any(part.startswith(".") for part in relative.parts)
                if file.is_file() and not hidden and _is_readable_kind(file):
                    yield file, str(Path(root.name) / relative)
        else:
            yield path, path.name


def _is_readable_kind(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            detect_media_type(file.read(HEAD_BYTES), path.name)
    except WrongType:
        return False
    return True
