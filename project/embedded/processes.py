"""What the kernel knows of a service's processes. Pid files are not trusted: a pid may be used again.

Linux only: it reads /proc, peer credentials of unix sockets and the parent-death signal.
"""

import ctypes
import os
import signal
import socket
import stat
import struct
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(death_signal: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn` after which the child gets the signal when its parent ends, however it ends."""
    parent = os.getpid()

    def arm() -> None:
        end_with_parent(death_signal)
        if os.getppid() != parent:  # the parent ended before the signal was armed
            os._exit(1)

    return arm


def end_with_parent(death_signal: signal.Signals) -> None:
    """Have this process get the signal when its parent ends, however it ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal))


def socket_owner(path: Path) -> int | None:
    """The pid of the process that listens on a unix socket, from the kernel; None when nobody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        try:
            client.connect(str(path))
        except OSError:
            return None
        pid, _uid, _gid = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(pid) or None


def processes_in(folder: Path) -> list[int]:
    """The pids whose working directory is the folder, as far as this user may see them."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.readlink(entry / "cwd") == str(folder):
                found.append(int(entry.name))
        except OSError:  # gone meanwhile, or another user's
            continue
    return found


def is_running(pid: int) -> bool:
    """Whether the process has not ended; one that its parent has yet to collect has ended."""
    try:
        # The state follows the command name, which is in parentheses and may itself contain some.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1] not in ("Z", "X")
    except OSError:
        return False


def wait_until_ended(pids: Iterable[int], *, timeout_s: float) -> bool:
    """Whether all of them have ended within the time."""
    deadline = time.monotonic() + timeout_s
    left = list(pids)
    while left := [pid for pid in left if is_running(pid)]:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def end(pids: Iterable[int], steps: Iterable[tuple[signal.Signals, float]]) -> bool:
    """Send each signal in turn, with its seconds to act, until all have ended. Returns whether they have."""
    pids = list(pids)
    for step, timeout_s in steps:
        for pid in pids:
            try:
                os.kill(pid, step)
            except ProcessLookupError:
                continue
        if wait_until_ended(pids, timeout_s=timeout_s):
            return True
    return not pids


def private_folder(path: Path, *, uid: int | None = None) -> None:
    """Make the folder for one user alone, or check that it is so already.

    Raises:
        PermissionError: it is a link or belongs to somebody else.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    owner = os.geteuid() if uid is None else uid
    if path.is_symlink() or found.st_uid not in (owner, os.geteuid()):
        raise PermissionError(f"{path} belongs to another user or is a link")
    if found.st_uid != owner:
        os.chown(path, owner, -1)
    if found.st_mode & 0o777 != 0o700:
        path.chmod(0o700)


def close_to_others(path: Path) -> None:
    """Make a folder that no other user may enter, also where it was made otherwise.

    One that is shared on purpose, like /tmp, or that belongs to somebody else stays as it is.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.stat()
    if found.st_mode & 0o077 and not found.st_mode & stat.S_ISVTX and found.st_uid == os.geteuid():
        path.chmod(found.st_mode & 0o700)


def private_log(path: Path) -> BinaryIO:
    """Open a log to append to, readable by this user alone, also where it was made otherwise."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "ab")


def passage_folder(path: Path) -> None:
    """Make a folder above private ones; as root others may pass, since PostgreSQL runs as another user."""
    if os.geteuid() == 0:
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o755)  # whatever the umask says
    else:
        private_folder(path)
