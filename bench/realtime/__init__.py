"""The real-time servers side by side: `python -m bench realtime [PART...] [--quick]` (docs/benchmarks.md).

Parts: fanout, latency, durable, idle, storm, processes. One server at a time, in alternating order over the rounds,
with a load client written for it.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from functools import partial
from itertools import chain, cycle

from bench.program import BenchError
from bench.realtime import profiles
from bench.realtime.measures import FULL, QUICK, TINY, Measure, Scale
from bench.realtime.parts import PARTS
from bench.realtime.seeding import Seed, make_seed
from bench.realtime.servers import PEERS, SERVERS
from bench.side_by_side import load_client
from bench.side_by_side.ground import Ground, prepared
from bench.side_by_side.machine import versions
from bench.side_by_side.options import ComparisonParser
from bench.side_by_side.rounds import Part, Run
from bench.side_by_side.servers import Running, Server, install_node_peers, running

_PYTHON = (
    "uvicorn",
    "uvloop",
    "websockets",
    "django",
    "channels",
    "channels-redis",
    "python-socketio",
    "psycopg",
)
_NODE = ("socket.io", "engine.io", "ws", "@socket.io/redis-adapter", "redis", "pg", "bufferutil")
PAUSE_S = 0.3  # between two loads on one server, for it to see the clients off


def main(arguments: Sequence[str] = ()) -> None:
    """Measure, print tables and verdicts, and append each run of the load client to a file as a line of JSON."""
    options = _options(arguments)
    scale = next((each for asked, each in ((options.tiny, TINY), (options.quick, QUICK)) if asked), FULL)
    parts = [PARTS[name] for name in options.parts or PARTS]
    names = ["parley"] if options.profile else options.servers
    wanted = {part.name: servers_of(part, names, scale) for part in parts}
    load_client.allow_many_files()
    try:
        install_node_peers(list(chain(*wanted.values())), PEERS)
        users = max(*scale.room_clients, scale.storm_clients, scale.posters)
        with prepared(partial(make_seed, users=users)) as ground:
            load_client.compile_client(ground.folder)
            run = Run(ground, scale, load_all, versions(_PYTHON, _NODE, PEERS), options.json)
            for part in parts:
                if options.profile:
                    profiles.profile(ground, part, scale, options.profile)
                else:
                    run.measure(part, wanted[part.name])
    except BenchError as error:
        sys.exit(f"Error: {error}")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    quick = "one short round with fewer clients"
    parser = ComparisonParser("realtime", __doc__, parts=PARTS, servers=SERVERS, quick=quick)
    parser.add_argument(
        "--profile",
        nargs="?",
        const="cprofile",
        choices=("cprofile", "perf"),
        help="where Parley's time goes",
    )
    return parser.read(arguments)


def servers_of(part: Part, names: Sequence[str] | None, scale: Scale) -> list[Server]:
    """The servers of the part on that scale, or those among the named that it can measure."""
    if names is None:
        return [SERVERS[name] for name in part.servers if name not in scale.left_out]
    return [SERVERS[name] for name in (*part.servers, *part.more_servers) if name in names]


def measure_server(
    server: Server, ground: Ground[Seed], measures: Sequence[Measure], *extra: str
) -> list[tuple[str, load_client.Figures]]:
    """Start the server and put each load on it; gives the figures by the measurement's key."""
    with running(server, ground, *extra) as started:
        return list(load_all(started, measures))


def load_all(started: Running, measures: Sequence[Measure]) -> list[tuple[str, load_client.Figures]]:
    """Put each load that is for this server on it."""
    halls = cycle(started.ground.seed.halls)
    results = []
    for measure in measures:
        if started.server.name in measure.not_for:
            continue
        room = ("--rooms", str(next(halls))) if measure.needs_room else ()
        results.append((measure.key, load_client.load(started, (*measure.arguments, *room))))
        time.sleep(PAUSE_S)
    return results
