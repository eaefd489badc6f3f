"""The servers that are measured, by their names, and what the Python peers are installed into."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.program import ROOT, BenchError
from bench.side_by_side.servers import Server

PEERS = Path(__file__).with_name("peers")
VENVS = ROOT / "var" / "bench-graphql"
_PATH, _DIALECT = "/graphql", "graphql"


def _parley(name: str, **variables: str) -> Server:
    command = (sys.executable, "-m", "bench.graphql.parley_web", "--fd", "{fd}", "--pulse-fd", "{pulse}")
    variables = {"RATE_LIMITS": "on", **variables}
    return Server(name, command, path=_PATH, dialect=_DIALECT, variables=tuple(variables.items()))


def _node(name: str, script: str) -> Server:
    return Server(name, ("node", str(PEERS / script), "{fd}"), path=_PATH, dialect=_DIALECT)


def _gunicorn(name: str, peer: str) -> Server:
    """One worker with four threads, which is what costs these synchronous views least."""
    command = (
        *(str(VENVS / peer / "bin" / "gunicorn"), "--bind", "fd://{fd}", "--workers", "1", "--threads", "4"),
        *("--keep-alive", "75", "--log-level", "warning", f"{peer}_peer:application"),
    )
    variables = (
        ("PYTHONPATH", str(PEERS)),
        ("DJANGO_SETTINGS_MODULE", "peer_settings"),
        ("PEER", f"{peer}_peer"),
    )
    return Server(name, command, path=_PATH, variables=variables)


SERVERS = {
    server.name: server
    for server in (
        _parley("parley"),
        _parley("parley-compiled", GRAPHQL_EXECUTOR="compiled"),
        _parley("parley-core", GRAPHQL_EXECUTOR="graphql-core"),
        _gunicorn("graphene-django", "graphene"),
        _gunicorn("strawberry-django", "strawberry"),
        _node("apollo", "apollo.js"),
        _node("yoga", "yoga.js"),
        _node("graphql-ws", "subscriptions.js"),
        Server(
            "async-view",
            (sys.executable, "-m", "bench.graphql.peers.async_view", "--fd", "{fd}"),
            path=_PATH,
        ),
    )
}


def install_python_peers(servers: Sequence[Server]) -> None:
    """Give each Python peer an environment of its own, once.

    Raises:
        BenchError: pip fails.
    """
    for server in servers:
        program = Path(server.command[0])
        if VENVS not in program.parents or program.exists():
            continue
        folder = program.parents[1]
        requirements = PEERS / f"{folder.name}.txt"
        _run(sys.executable, "-m", "venv", "--clear", str(folder))
        _run(str(folder / "bin" / "pip"), "install", "--quiet", "--requirement", str(requirements))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise BenchError(f"{' '.join(command)}: {done.stderr[-1000:]}")
