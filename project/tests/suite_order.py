"""In which order pytest-xdist hands out the files of the suite: those that take long begin first.

With `--dist loadfile` a process takes the next file as soon as it has done one. By itself pytest-xdist begins with the
files of many tests; those that run the program are of few, so that one process would wait for the other at the end.
"""

from collections.abc import Sequence
from pathlib import PurePath

# Runs under faults keep both processors busy: they are apart, so that one of them goes beside something smaller.
_FIRST = (
    "project/tests/faults/test_killed.py",
    "project/tests/browser",
    "project/tests/faults/test_network.py",
    "chat/tests/test_socket_clients.py",
    "gql/tests/test_stock_clients.py",
    "project/tests/faults/test_bad_clients.py",
    "project/tests/test_up.py",
    "project/tests/test_embedded.py",
    "project/tests/test_web_processes.py",
    "project/tests/faults/test_worker.py",
    "rag/tests/test_answering_worker.py",
    "bench/tests",
    "project/tests",
    "gql/tests/authorisation",
)


def place(file: PurePath) -> int:
    """Where a file comes, by its path from the root of the repository; files of the same place stay in their order."""
    names: Sequence[str] = [str(file), *map(str, file.parents)]
    # The longest path that is listed: a file before its folder.
    listed = next((name for name in names if name in _FIRST), None)
    return len(_FIRST) if listed is None else _FIRST.index(listed)
