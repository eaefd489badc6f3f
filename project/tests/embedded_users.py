"""Who uses the embedded services: a connection to each, and another process."""

import subprocess
import sys
from pathlib import Path

import psycopg
import redis

from project.embedded.addresses import Addresses
from project.tests.upruns import ROOT, environment

USE_SERVICES = """
import os, signal, sys
from pathlib import Path
from project.embedded.addresses import embedded_addresses
from project.embedded.services import Services

with Services(embedded_addresses(Path(sys.argv[1])), postgres_settings={"fsync": "off"}).use():
    print("in use", flush=True)
    sys.stdin.readline()
"""


def connect(
    addresses: Addresses, *, user: str = "parley", password: str = "", dbname: str = "parley"
) -> psycopg.Connection:
    """A connection as the program makes them, unless told otherwise."""
    return psycopg.connect(
        host=str(addresses.postgres_socket_dir),
        user=user,
        password=password or addresses.password,
        dbname=dbname,
    )


def answers(addresses: Addresses) -> bool:
    """Whether both services answer to their addresses."""
    with connect(addresses) as connection, redis.Redis.from_url(addresses.redis_url) as client:
        found = connection.execute("select '[1,2]'::vector <-> '[1,3]'::vector").fetchone()
        return found == (1.0,) and client.ping()


def user_process(data_dir: Path) -> subprocess.Popen[str]:
    """Another process that uses the services until it gets a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", USE_SERVICES, str(data_dir)],
        cwd=ROOT,
        env=environment(data_dir),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    line = ""
    while line != "in use\n":
        line = process.stdout.readline()
        assert line, "the other process ended"
    return process


def leave(process: subprocess.Popen[str]) -> int:
    process.communicate("\n", timeout=60)
    return process.returncode
