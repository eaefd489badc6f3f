"""The servers that are measured, by their names."""

import sys
from pathlib import Path

from bench.side_by_side.servers import Server

PEERS = Path(__file__).with_name("peers")
_WITHOUT_RECOVERY = ',"recovery":false'


def _node(name: str, *arguments: str) -> Server:
    script, *rest = arguments
    return Server(name, ("node", str(PEERS / script), "{fd}", *rest))


def _uvicorn(application: str) -> tuple[str, ...]:
    return (
        *(sys.executable, "-m", "uvicorn", "--fd", "{fd}", "--loop", "uvloop", "--http", "httptools"),
        *("--ws", "websockets-sansio", "--ws-per-message-deflate", "false", "--lifespan", "off"),
        *("--no-access-log", "--log-level", "warning", f"bench.realtime.peers.{application}:app"),
    )


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
        Server("python-socketio", _uvicorn("python_socketio")),
        Server("channels", _uvicorn("stock_channels"), path="/ws/", dialect="plain"),
    )
}
