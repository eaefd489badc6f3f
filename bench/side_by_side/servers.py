"""How a server under measurement is started, one at a time, on the server's core."""

import http.client
import os
import select
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.program import ROOT, BenchError
from bench.side_by_side.ground import Ground
from bench.side_by_side.machine import child_setup

BACKLOG = 2048
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server to measure. `{fd}` in the command is the listening socket, `{pulse}` a pipe to write to once it serves.

    Over a WebSocket at `path` it speaks the load client's `dialect`: socket.io, plain (JSON messages) or graphql.
    `auth` is what clients of Socket.IO add to their credentials. `variables` go into its environment.
    """

    name: str
    command: Sequence[str]
    path: str = "/socket.io/?EIO=4&transport=websocket"
    dialect: str = "socket.io"
    auth: str = ""
    processes: int = 1
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def needs_node(self) -> bool:
        return self.command[0] == "node"


def install_node_peers(servers: Sequence[Server], folder: Path) -> None:
    """Install the packages of a folder of Node's once, if one of the servers needs them.

    Raises:
        BenchError: there is no Node or npm, or npm fails.
    """
    if not any(server.needs_node for server in servers) or (folder / "node_modules").exists():
        return
    if not shutil.which("npm"):
        raise BenchError("Node and npm are needed for the Node peers; --servers names those to measure.")
    done = subprocess.run(
        ["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, text=True
    )
    if done.returncode:
        raise BenchError(f"npm ci: {done.stderr[-1000:]}")


@dataclass(frozen=True, slots=True)
class Running:
    """A server that serves."""

    server: Server
    port: int
    pids: list[int]
    ground: Ground[Any]
    log: Path


@contextmanager
def running(server: Server, ground: Ground[Any], *extra: str) -> Iterator[Running]:
    """The server on a database of its own, until the end of the block; `extra` goes to the end of its command.

    Raises:
        BenchError: it does not answer within a minute.
    """
    log = ground.folder / f"{server.name}.log"
    processes: list[subprocess.Popen[bytes]] = []
    with ExitStack() as stack:
        environment = ground.environment | stack.enter_context(ground.database())
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=BACKLOG))
        stack.callback(_stop, processes)
        pulses = [stack.enter_context(_pulse()) for _ in range(server.processes)]
        with log.open("wb") as output:
            for pulse in pulses:
                descriptors = {"fd": listener.fileno(), "pulse": pulse[1]}
                processes.append(_spawn(server, ground, descriptors, environment, extra, output.fileno()))
        port: int = listener.getsockname()[1]
        listener.close()  # its only holders are the servers: when they end, nobody connects in vain
        _await_answer(port, processes, log)
        if "{pulse}" in server.command:
            for reader, _ in pulses:  # one that still loads would leave its part of the clients to the others
                _await_beat(reader, log)
        yield Running(server, port, [process.pid for process in processes], ground, log)
        if any(process.poll() is not None for process in processes):
            raise BenchError(f"{server.name} ended under load:\n{_tail(log)}")


@contextmanager
def _pulse() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        yield reader, writer
    finally:
        os.close(reader)
        os.close(writer)


def _await_beat(reader: int, log: Path) -> None:
    if not select.select([reader], [], [], START_TIMEOUT_S)[0]:
        raise BenchError(f"a server does not begin to serve:\n{_tail(log)}")


def _spawn(
    server: Server,
    ground: Ground[Any],
    descriptors: dict[str, int],
    environment: dict[str, str],
    extra: Sequence[str],
    output: int,
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*(word.format(**descriptors) for word in server.command), *extra],
        cwd=ROOT,
        env={
            **environment,
            "MALLOC_ARENA_MAX": "2",
            **dict(server.variables),
        },  # as `up` sets it; Node has an allocator of its own
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        pass_fds=list(descriptors.values()),
        preexec_fn=child_setup(ground.cores.server, signal.SIGKILL),
    )


def _await_answer(port: int, processes: Sequence["subprocess.Popen[bytes]"], log: Path) -> None:
    """Wait for any reply over HTTP."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        if time.monotonic() > deadline or any(process.poll() is not None for process in processes):
            raise BenchError(f"a server does not answer:\n{_tail(log)}")
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=START_TIMEOUT_S)
        try:
            client.request("GET", "/health/live")
            client.getresponse().read()
            return
        except OSError:
            time.sleep(0.05)
        finally:
            client.close()


def _stop(processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + STOP_TIMEOUT_S
    for process in processes:
        try:
            process.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]
