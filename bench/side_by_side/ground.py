"""What every server of a run stands on: PostgreSQL with people and rooms, a Valkey, and the key that signs tokens."""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import psycopg
from psycopg import sql

from bench.program import ROOT, UNSET, BenchError, data_folder
from bench.side_by_side.machine import Cores
from project.embedded.addresses import (
    DATABASE_NAME,
    DATABASE_PORT,
    DATABASE_USER,
    Addresses,
    embedded_addresses,
)
from project.embedded.provision import SUPERUSER
from project.embedded.services import Services


class Seed(Protocol):
    """What was made in the database; each benchmark has more of its own."""

    @property
    def tokens(self) -> Path:
        """Access tokens in a file, one a line."""


S = TypeVar("S", bound=Seed)


@dataclass
class Ground(Generic[S]):
    """Services that run, and databases that are copies of the seeded one."""

    addresses: Addresses
    services: Services
    cores: Cores
    environment: dict[str, str]
    seed: S
    _copies: int = field(default=0, init=False)

    @property
    def folder(self) -> Path:
        """For logs and the compiled load client; removed at the end."""
        return self.addresses.data_dir

    @property
    def database_pid(self) -> int:
        pid = self.services.members[0].pid()
        if pid is None:
            raise BenchError("PostgreSQL has ended")
        return pid

    @contextmanager
    def database(self) -> Iterator[dict[str, str]]:
        """A fresh copy of the seeded database; gives the variables that name it, for Parley and for libpq's clients."""
        self._copies += 1
        name = f"run_{self._copies}"
        address = self.addresses.database
        with self._superuser() as connection:
            connection.execute(
                sql.SQL("create database {} template {} owner {}").format(
                    *map(sql.Identifier, (name, DATABASE_NAME, DATABASE_USER))
                )
            )
        try:
            yield {
                "DATABASE_URL": self.addresses.database_url(name),
                "PGHOST": str(address["HOST"]),
                "PGPORT": str(address["PORT"]),
                "PGUSER": str(address["USER"]),
                "PGPASSWORD": str(address["PASSWORD"]),
                "PGDATABASE": name,
            }
        finally:
            with self._superuser() as connection:  # who alone may end an autovacuum that is at work in it
                connection.execute(
                    sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
                )

    def _superuser(self) -> "psycopg.Connection[tuple[Any, ...]]":
        return psycopg.connect(
            host=str(self.addresses.postgres_socket_dir),
            port=DATABASE_PORT,
            user=SUPERUSER,
            password=self.addresses.superuser_password,
            dbname="postgres",
            autocommit=True,
        )


@contextmanager
def prepared(make_seed: Callable[[dict[str, str], Path], S]) -> Iterator[Ground[S]]:
    """A ground that lasts until the end of the block, and leaves nothing behind.

    `make_seed` fills the migrated database that its first argument, an environment, names; its second is a folder.
    """
    with data_folder() as folder:
        services = Services(embedded_addresses(folder), say=lambda line: None)
        cores = Cores.of_this_machine()
        try:
            with _kept_to(cores.services):  # what is started here inherits it
                services.start(with_parent=True)
            (folder / "static").mkdir()  # whitenoise warns where there is none
            environment = _environment(services.addresses)
            run_python(environment, "manage.py", "migrate", "--verbosity", "0")
            seed = make_seed(environment, folder)
            yield Ground(services.addresses, services, cores, environment, seed)
        finally:
            services.stop()


@contextmanager
def _kept_to(cores: frozenset[int]) -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _environment(addresses: Addresses) -> dict[str, str]:
    return {
        **os.environ,
        **dict.fromkeys(UNSET, ""),
        "DATA_DIR": str(addresses.data_dir),
        "DATABASE_URL": addresses.database_url(),
        "REDIS_URL": addresses.redis_url,
        "SECRET_KEY": secrets.token_urlsafe(40),
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "RATE_LIMITS": "off",
        "NODE_ENV": "production",
        "ENV_FILE": os.devnull,
        "PYTHONPATH": str(ROOT),
    }


def run_python(environment: dict[str, str], *arguments: str) -> str:
    """What a Python process printed.

    Raises:
        BenchError: it failed.
    """
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise BenchError(f"{' '.join(arguments)}: {done.stderr[-2000:]}")
    return done.stdout
