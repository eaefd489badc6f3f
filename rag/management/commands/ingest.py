import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.management.base import BaseCommand, CommandError

from chat.errors import DomainError
from rag.actions import add_url, upload_document
from rag.management.collections import add_owner_argument, collection_named, finish, owner_named
from rag.models import Document
from rag.parsing import HEAD_BYTES, WrongType, detect_media_type

SKIPPED_SHOWN = 20


@dataclass(slots=True)
class _Found:
    """What was named on the command line: files with their sources, pages, and files of folders that nothing reads."""

    files: list[tuple[Path, str]] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


class Command(BaseCommand):
    """Uploads files, then works on them as one more worker of their queue, whether or not others run."""

    help = (
        "Add files, the readable files of folders, and pages of the web to a collection. Unchanged files are skipped,"
        " changed ones replace what came from the same place before. Ends when all are READY or FAILED; exit code 1 if"
        " any failed."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, a folder, or the URL of a page")
        parser.add_argument("--collection", required=True, metavar="NAME", help="made if there is none")
        parser.add_argument("--private", action="store_true", help="a new collection is not for everyone")
        add_owner_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        found = _find(options["paths"])
        owner = owner_named(options["owner"])
        collection = collection_named(owner, options["collection"], everyone=not options["private"])
        self.stdout.write(
            f"Collection {collection.name}: {'for everyone' if collection.everyone else 'not for everyone'}."
        )
        documents, refused = {}, 0
        for source, add in self._additions(owner, collection.pk, found):
            try:
                document = add()
            except (DomainError, OSError) as error:
                refused += 1
                self.stderr.write(f"FAILED {source}: {error}")
            else:
                documents[document.pk] = document
        unchanged = sum(document.status == Document.Status.READY for document in documents.values())
        if unchanged:
            self.stdout.write(f"{unchanged} unchanged.")
        self._tell_skipped(found.skipped)
        finish(list(documents), self.stdout, self.stderr)
        if refused:
            raise CommandError(f"{refused} of {len(found.files) + len(found.urls)} could not be taken.")

    @staticmethod
    def _additions(owner: Any, collection_id: int, found: _Found) -> Iterator[tuple[str, Any]]:
        """Yield each source with what adds it."""
        for path, source in found.files:

            def upload(path: Path = path, source: str = source) -> Document:
                with path.open("rb") as file:
                    return upload_document(
                        owner,
                        collection_id=collection_id,
                        file=File(file),
                        filename=path.name,
                        source=source,
                        replace=True,
                    )

            yield source, upload
        for url in found.urls:
            yield url, lambda url=url: add_url(owner, collection_id=collection_id, url=url)

    def _tell_skipped(self, skipped: list[str]) -> None:
        if not skipped:
            return
        self.stdout.write(f"{len(skipped)} skipped, since nothing reads files of their type:")
        for source in skipped[:SKIPPED_SHOWN]:
            self.stdout.write(f"  {source}")
        if len(skipped) > SKIPPED_SHOWN:
            self.stdout.write(f"  and {len(skipped) - SKIPPED_SHOWN} more")


def _find(names: list[str]) -> _Found:
    """What to add. A file's source is its path from the folder named on the command line, that folder included.

    A file named itself is always among them. In folders, hidden files are passed over.
    """
    found = _Found()
    for name in names:
        path = Path(name)
        if name.startswith(("http://", "https://")):
            found.urls.append(name)
        elif not path.exists():
            raise CommandError(f"{path}: there is no such file or folder.")
        elif path.is_dir():
            _find_in_folder(path.resolve(), found)
        else:
            found.files.append((path, path.name))
    return found


def _find_in_folder(root: Path, found: _Found) -> None:
    for file in sorted(root.rglob("*")):
        relative = file.relative_to(root)
        if not file.is_file() or any(part.startswith(".") for part in relative.parts):
            continue
        source = str(Path(root.name) / relative)
        if _is_readable_kind(file):
            found.files.append((file, source))
        else:
            found.skipped.append(source)


def _is_readable_kind(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            detect_media_type(file.read(HEAD_BYTES), path.name)
    except WrongType:
        return False
    return True
