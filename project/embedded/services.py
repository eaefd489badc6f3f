"""The embedded services as a set: who may start and stop them, and when.

Any number of processes use the services of one data directory at once. Two files of locks, which the
kernel frees when their holder ends, however it ends, are all the bookkeeping there is:

- `locks/services` is held by one process while it starts or stops services, never longer.
- `locks/users` is held shared by each process for as long as it uses them. Whoever leaves tries to take it
  alone: the one who can was the last, and stops them.

So the first command starts the services, later ones join, and the last to leave stops them, whoever
started them. Services that a killed command left running are adopted by the next one. `manage.py up` is a
user like the others, except that it restarts what dies, and stops everything when it ends, also under a
command that still runs.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from project.embedded import processes
from project.embedded.addresses import Addresses
from project.embedded.errors import EmbeddedError
from project.embedded.postgres import Postgres
from project.embedded.valkey import Valkey


class Service(Protocol):
    """What the set needs of a service."""

    name: str

    def pid(self) -> int | None: ...
    def start(self, *, with_parent: bool) -> None: ...
    def is_alive(self) -> bool: ...
    def stop(self) -> None: ...


@dataclass
class Services:
    """The services of one data directory that are not given from outside."""

    addresses: Addresses
    postgres: bool = True
    valkey: bool = True
    postgres_settings: Mapping[str, str] = field(default_factory=dict)
    say: Callable[[str], None] = print

    def __post_init__(self) -> None:
        self.members: list[Service] = []
        if self.postgres:
            self.members.append(Postgres(self.addresses, self.postgres_settings, self.say))
        if self.valkey:
            self.members.append(Valkey(self.addresses, self.say))

    @contextmanager
    def use(self) -> Iterator[None]:
        """Have the services running for the duration, see the module's docstring.

        Raises:
            EmbeddedError: a service cannot be started.
        """
        with self.lock("users", shared=True) as users:
            try:
                self.start(with_parent=False)
                yield
            finally:
                with self.lock("services"):
                    if _is_only_holder(users):
                        self._stop_all()

    def start(self, *, with_parent: bool) -> None:
        """Start what does not run yet; what runs is adopted."""
        with self.lock("services"):
            for member in self.members:
                member.start(with_parent=with_parent)

    def stop(self) -> None:
        """Stop all of them, whoever uses them."""
        with self.lock("services"):
            self._stop_all()

    def _stop_all(self) -> None:
        for member in reversed(self.members):
            member.stop()

    @contextmanager
    def lock(self, name: str, *, shared: bool = False, wait: bool = True) -> Iterator[int]:
        """Hold a lock of the data directory; gives its file descriptor.

        Raises:
            BlockingIOError: another process holds it and `wait` is off.
            EmbeddedError: the file cannot be opened.
        """
        folder = self.addresses.lock_dir
        try:
            self._close_folders()
            descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EmbeddedError(f"DATA_DIR: {folder / name} cannot be opened ({error.strerror}).") from error
        try:
            kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)
            yield descriptor
        finally:
            os.close(descriptor)

    def _close_folders(self) -> None:
        addresses = self.addresses
        # As root the database's folder is passed through by another user.
        if os.geteuid() != 0 or not addresses.home.is_relative_to(addresses.data_dir):
            processes.close_to_others(addresses.data_dir)
        for folder in (addresses.lock_dir, addresses.log_dir):
            processes.close_to_others(folder)


def _is_only_holder(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
