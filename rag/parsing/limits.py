"""What a process that reads a file gives up before it does: rights, memory, time, other processes."""

from __future__ import annotations

import ctypes
import os
import resource

from rag.parsing.child import MAX_OUTPUT_BYTES

UNPRIVILEGED_ID = 65534  # `nobody`: as root, a stranger's file is read by no one in particular
MAX_OPEN_FILES = 64
_PR_SET_NO_NEW_PRIVS = 38


def become_nobody() -> None:
    """Give up root's rights for good. What is not imported yet may be out of reach from here on."""
    os.setgroups([])
    os.setresgid(UNPRIVILEGED_ID, UNPRIVILEGED_ID, UNPRIVILEGED_ID)
    os.setresuid(UNPRIVILEGED_ID, UNPRIVILEGED_ID, UNPRIVILEGED_ID)


def limit_process(*, memory_bytes: int, cpu_s: int) -> None:
    """Bound this process, and the program that it may turn into."""
    for kind, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, MAX_OUTPUT_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, MAX_OPEN_FILES),
    ):
        hard = resource.getrlimit(kind)[1]
        lowered = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (lowered, lowered))
    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
