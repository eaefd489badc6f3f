"""Uploaded files in Django's default storage, each content once in its folder, named by its hash.

Each app has a folder of its own ("" is that of documents). Whether a content is needed is decided by rows. Who stores
or removes one therefore holds its lock until the transaction ends that makes or has looked for those rows.
"""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import connection

_BLOCK_BYTES = 1024 * 1024
_FOLDER = re.compile(r"[0-9a-f]{2}")
_CONTENT = re.compile(
    r"[0-9a-f]{64}(_\w+)?"
)  # what follows the hash is Django's, where two were stored at once


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


def stored_name(sha256: str, folder: str = "") -> str:
    """Where a content lies in the storage: `ab/cd/<sha256>` in the folder."""
    return f"{folder}/{sha256[:2]}/{sha256[2:4]}/{sha256}".lstrip("/")


def lock_content(name: str) -> None:
    """Wait until nobody else stores or removes that content, and keep it so until the caller's transaction ends.

    Raises:
        RuntimeError: outside a transaction, where nothing would hold the lock.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("lock_content needs a transaction")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def store_content(file: IO[bytes], content: Content, folder: str = "") -> str:
    """Put a content into the storage unless it is there, whole, already. Returns its name.

    The caller's transaction, which makes the row that names it, holds the content's lock from here on. Should that
    transaction fail, a file stays behind that nothing names: the upkeep of its folder removes it (rag/jobs/upkeep.py).
    """
    name = stored_name(content.sha256, folder)
    lock_content(name)
    if default_storage.exists(name):
        if default_storage.size(name) == content.size_bytes:
            return name
        default_storage.delete(name)  # what a process that was killed left behind
    written = default_storage.save(name, File(file, name))
    if written != name:  # somebody outside this program put it there
        default_storage.delete(written)
    return name


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


def delete_content(name: str) -> None:
    """Take a content out of the storage; being gone already is no error. The caller holds its lock."""
    default_storage.delete(name)


def stored_names(folder: str = "", *, before: datetime) -> Iterator[str]:
    """The names of all contents of the folder last written before that time. Other files are left out."""
    for first in _subfolders(folder):
        for second in _subfolders(first):
            for leaf in default_storage.listdir(second)[1]:
                name = f"{second}/{leaf}"
                if _CONTENT.fullmatch(leaf) and _written_before(name, before):
                    yield name


def _subfolders(folder: str) -> list[str]:
    try:
        names = default_storage.listdir(folder)[0]
    except FileNotFoundError:  # nothing was ever uploaded
        return []
    return [f"{folder}/{name}".lstrip("/") for name in sorted(names) if _FOLDER.fullmatch(name)]


def _written_before(name: str, moment: datetime) -> bool:
    try:
        return default_storage.get_modified_time(name) < moment
    except FileNotFoundError:  # removed since it was listed
        return False
