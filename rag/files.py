"""Uploaded originals of documents: `chat.files` in its first folder, and how to have one as a file of this machine."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.files.storage import default_storage

from chat.files import (
    Content,
    TooManyBytes,
    delete_content,
    lock_content,
    read_content,
    store_content,
    stored_names,
)

__all__ = [
    "Content",
    "TooManyBytes",
    "delete_content",
    "local_copy",
    "lock_content",
    "read_content",
    "store_content",
    "stored_names",
]
_BLOCK_BYTES = 1024 * 1024


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
