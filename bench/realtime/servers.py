"""The servers that are measured, and how each is started, one at a time, on the server's core."""

import http.client
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.program import ROOT, BenchError
from bench.realtime.ground import Ground
from bench.realtime.machine import PEERS, child_setup

BACKLOG = 2048
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
_WITHOUT_RECOVERY = ',"recovery":false'


@dataclass(frozen=True, slots=True)
class Server:
    """A server to measure. `{fd}` in the command is the listening socket, `{pulse}` a pipe to write to once it serves.
    `plain` ones speak JSON over a WebSocket at `path` instead of Socket.IO. `auth` is what clients add to their
    credentials."""

    name: str
    command: Sequence[str]
    path: str = "/socket.io/?EIO=4&transport=websocket"
    plain: bool = False
    auth: str = ""
    processes: int = 1

    @property
    def needs_node(self) -> bool:
        return self.command[0] == "node"


def _node(name: str, *arguments: str) -> Server:
    script, *rest = arguments
    return Server(name, ("node", str(PEERS / script), "{fd}", *rest))


def _uvicorn(name: str, application: str, **options: object) -> Server:
    command = (
        *(sys.executable, "-m", "uvicorn", "--fd", "{fd}", "--loop", "uvloop", "--http", "httptools"),
        *("--ws", "websockets-sansio", "--ws-per-message-deflate", "false", "--lifespan", "off"),
        *("--no-access-log", "--log-level", "warning", f"bench.realtime.peers.{application}:app"),
    )
    return Server(name, command, **options)  # type: ignore[arg-type]


def parley(name: str = "parley", *, processes: int = 1, auth: str = _WITHOUT_RECOVERY) -> Server:
    """Parley; Socket.IO's own servers have no recovery unless it is asked for, so its clients decline it."""
    command = (sys.executable, "-m", "bench.realtime.parley_web", "--fd", "{fd}", "--pulse-fd", "{pulse}")
    return Server(name, command, auth=auth, processes=processes)


SERVERS = {
    server.name: server
    for server in (
        parley(),
        parley("parley-recovery", auth=""),
        parley("parley-2", processes=2),
        parley("parley-4", processes=4),
        _node("node", "fanout.js"),
        _node("node-redis", "fanout.js", "redis"),
        _node("node-tx", "durable.js", "tx"),
        _node("node-fn", "durable.js", "fn"),
        _node("node-list", "durable.js", "list"),
        _node("node-batch", "durable.js", "batch"),
        _node("node-fn-redis", "durable.js", "fn", "redis"),
        _uvicorn("python-socketio", "python_socketio"),
        _uvicorn("channels", "stock_channels", path="/ws/", plain=True),
    )
}


def install_peers(servers: Sequence[Server]) -> None:
    """Install Node's packages once, if one of the servers needs them.

    Raises:
        BenchError: there is no Node or npm, or npm fails.
    """
    if not any(server.needs_node for server in servers) or (PEERS / "node_modules").exists():
        return
    if not shutil.which("npm"):
        raise BenchError("Node and npm are needed for the Node peers; --servers names those to measure.")
    done = subprocess.run(
        ["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=PEERS, capture_output=True, text=True
    )
    if done.returncode:
        raise BenchError(f"npm ci: {done.stderr[-1000:]}")


@dataclass(frozen=True, slots=True)
class Running:
    """A server that serves."""

    server: Server
    port: int
    pids: list[int]
    ground: Ground
    log: Path


@contextmanager
def running(server: Server, ground: Ground, *extra: str) -> Iterator[Running]:
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
    ground: Ground,
    descriptors: dict[str, int],
    environment: dict[str, str],
    extra: Sequence[str],
    output: int,
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*(word.format(**descriptors) for word in server.command), *extra],
        cwd=ROOT,
        env={**environment, "MALLOC_ARENA_MAX": "2"},  # as `up` sets it; Node has an allocator of its own
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
