"""Where the embedded services of a data directory live and how they are reached.

Settings call this, so it starts nothing, imports no Django and is cheap; the only thing it may write is
the secrets file.
"""

import hashlib
import json
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from project.embedded.errors import EmbeddedError

SYSTEM_DIR = Path("/var/lib/parley")
DATABASE_NAME = "parley"
DATABASE_USER = "parley"
# Names the socket file only: no TCP port is ever opened.
DATABASE_PORT = "5432"
# sun_path of a unix socket holds 107 bytes; PostgreSQL's file name takes 15 of them, its lock file 20.
SOCKET_DIR_BYTES_MAX = 80


@dataclass(frozen=True, slots=True)
class Addresses:
    """Folders and secrets of the embedded services of one data directory."""

    data_dir: Path
    home: Path  # what only the services read and write; below /var/lib/parley as root, in data_dir otherwise
    postgres_socket_dir: Path
    valkey_socket_dir: Path
    instance: str  # made with the secrets: tells a new data directory from an earlier one at the same path
    password: str
    superuser_password: str

    @property
    def postgres_data(self) -> Path:
        return self.home / "postgres"

    @property
    def valkey_home(self) -> Path:
        return self.home / "valkey"

    @property
    def log_dir(self) -> Path:
        return self.data_dir / "logs"

    @property
    def lock_dir(self) -> Path:
        return self.data_dir / "locks"

    @property
    def valkey_socket(self) -> Path:
        return self.valkey_socket_dir / "valkey.sock"

    @property
    def database(self) -> dict[str, object]:
        """Connection values as Django's DATABASES entry names them."""
        return {
            "NAME": DATABASE_NAME,
            "USER": DATABASE_USER,
            "PASSWORD": self.password,
            "HOST": str(self.postgres_socket_dir),
            "PORT": DATABASE_PORT,
        }

    @property
    def redis_url(self) -> str:
        return f"unix://{quote(str(self.valkey_socket))}?db=0"

    def database_url(self, name: str = DATABASE_NAME) -> str:
        """The same as `database`, as a value for DATABASE_URL."""
        return f"postgres://{DATABASE_USER}:{self.password}@/{quote(str(self.postgres_socket_dir))}/{name}"

    def remove(self) -> None:
        """Delete the stopped services' files, the database included; data_dir itself stays."""
        for folder in (self.home, self.postgres_socket_dir.parent):
            shutil.rmtree(folder, ignore_errors=True)


def embedded_addresses(data_dir: Path) -> Addresses:
    """The addresses of `data_dir`, the same for every process that asks.

    As root the services' files lie in /var/lib/parley/<hash>, since PostgreSQL refuses to run as root and the
    user it runs as may not reach the data directory. A data directory whose path is too long for a socket
    gets a private folder for its sockets below /tmp.

    Raises:
        EmbeddedError: the secrets file can be neither read nor made, or is damaged.
    """
    data_dir = data_dir.absolute()
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    kept = _secrets(data_dir / "embedded.json")
    if os.geteuid() == 0:
        home = SYSTEM_DIR / digest
    else:
        home = data_dir / "embedded"
    sockets = home / "sockets"
    if len(os.fsencode(sockets)) > SOCKET_DIR_BYTES_MAX:
        # Not TMPDIR: it may differ between two terminals of the same person.
        sockets = Path("/tmp") / f"parley-{os.geteuid()}-{digest}"
    return Addresses(
        data_dir=data_dir,
        home=home,
        postgres_socket_dir=sockets / "pg",
        valkey_socket_dir=sockets / "vk",
        instance=kept["instance"],
        password=kept["password"],
        superuser_password=kept["superuser_password"],
    )


def _secrets(path: Path) -> dict[str, str]:
    """The secrets of the data directory, made at the first call; whoever links the file first wins."""
    try:
        return _read_secrets(path)
    except FileNotFoundError:
        pass
    partial = path.with_suffix(f".{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            names = ("instance", "password", "superuser_password")
            json.dump({name: secrets.token_urlsafe(24) for name in names}, file)
        try:
            path.hardlink_to(partial)
        except FileExistsError:
            pass
        finally:
            partial.unlink()
        return _read_secrets(path)
    except OSError as error:
        raise EmbeddedError(f"DATA_DIR: cannot keep secrets in {path} ({error.strerror}).") from error


def _read_secrets(path: Path) -> dict[str, str]:
    try:
        kept: dict[str, str] = json.loads(path.read_text())
        return {name: kept[name] for name in ("instance", "password", "superuser_password")}
    except PermissionError as error:
        raise EmbeddedError(
            f"DATA_DIR: {path} belongs to another user; use that user or another DATA_DIR."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise EmbeddedError(f"DATA_DIR: {path} is damaged; restore it or use another DATA_DIR.") from error
