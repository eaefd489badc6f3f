"""Uploaded originals in Django's default storage, each content once, named by its hash."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.core.files import File
from django.core.files.storage import default_storage

_BLOCK_BYTES = 1024 * 1024


class TooManyBytes(Exception):
    """The content is longer than allowed."""


@dataclass(frozen=True, slots=True)
class Content:
    """What was read of an upload: its SHA-256 in hex, its length and its first bytes."""

    sha256: str
    size_bytes: int
    head: bytes


def read_content(file: IO[bytes], *, max_bytes: int, head_bytes: int) -> Content:
    """Hash a file from its beginning and go back there.

    Raises:
        TooManyBytes: as soon as more than `max_bytes` were read.
    """
    file.seek(0)
    digest, size, head = hashlib.sha256(), 0, b""
    while block := file.read(_BLOCK_BYTES):
        head = head or block[:head_bytes]
        size += len(block)
        if size > max_bytes:
            raise TooManyBytes
        digest.update(block)
    file.seek(0)
    return Content(digest.hexdigest(), size, head)


def stored_name(sha256: str) -> str:
    """Where a content lies in the storage: `ab/cd/<sha256>`."""
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


def store_content(file: IO[bytes], content: Content) -> str:
    """Put a content into the storage unless it is there, whole, already. Returns its name.

    Done before the transaction that refers to it: a file that nothing refers to does no harm.
    """
    name = stored_name(content.sha256)
    if default_storage.exists(name):
        if default_storage.size(name) == content.size_bytes:
            return name
        default_storage.delete(name)  # what a process that was killed left behind
    written = default_storage.save(name, File(file, name))
    if written != name:  # another upload of the same content was quicker
        default_storage.delete(written)
    return name


def delete_content(name: str) -> None:
    """Take a content out of the storage; being gone already is no error."""
    default_storage.delete(name)


@contextmanager
def local_copy(name: str) -> Iterator[Path]:
    """The content as a file of this machine: itself in a local storage, else a copy for as long as it is needed.

    Raises:
        FileNotFoundError: it is not in the storage.
    """
    try:
        path: Path | None = Path(default_storage.path(name))
    except NotImplementedError:  # not a storage of this machine
        path = None
    if path is not None and path.is_file():
        yield path
        return
    with default_storage.open(name) as source, tempfile.NamedTemporaryFile() as copy:
        shutil.copyfileobj(source, copy, _BLOCK_BYTES)
        copy.flush()
        yield Path(copy.name)
