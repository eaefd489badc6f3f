"""How much of the machine's memory the embedded PostgreSQL may keep pages in."""

import os
from contextlib import suppress
from pathlib import Path

CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
LEAST_MB, MOST_MB = 128, 2048


def shared_buffers(data: Path) -> str:
    """PostgreSQL's setting: the size of the database, within a quarter of the memory and 128 MB to 2 GB.

    A search among a million chunks reads thousands of pages of their indexes, and what is not here comes from the
    kernel, each page by a call (docs/benchmarks.md). A small installation has no use for more, which would cost it
    60 MB for the lists of pages alone. What has grown since the start counts at the next one.

    Args:
        data: PostgreSQL's data directory; it may not exist yet.
    """
    return f"{max(min(_size_mb(data / 'base'), _memory_mb() // 4, MOST_MB), LEAST_MB)}MB"


def _size_mb(folder: Path) -> int:
    """Of the files in it, rounded up to powers of two. One that is gone meanwhile counts nothing."""
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                size += os.lstat(os.path.join(parent, name)).st_size
    return 1 << (size // 2**20).bit_length()


def _memory_mb() -> int:
    """Of the machine or, where that is less, of the container."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = CGROUP_LIMIT.read_text().strip()
    except OSError:  # no Linux, or an older kind of container
        limit = "max"
    return (min(memory, int(limit)) if limit.isdigit() else memory) // 2**20
