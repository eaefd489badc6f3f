"""GraphQL servers side by side: `python -m bench graphql [PART...] [--quick]` (docs/benchmarks.md).

Parts: rooms, me, subscribers, memory. One server at a time, in alternating order over the rounds, over the same data
in PostgreSQL.
"""

import json
import sys
import time
from collections.abc import Sequence
from functools import partial
from itertools import chain

from bench.graphql.answers import Answers
from bench.graphql.measures import FOLLOW, FULL, QUICK, TINY, Measure
from bench.graphql.parts import PARTS
from bench.graphql.seeding import make_seed
from bench.graphql.servers import PEERS, SERVERS, install_python_peers
from bench.program import BenchError
from bench.side_by_side import load_client
from bench.side_by_side.ground import prepared
from bench.side_by_side.load_client import Figures
from bench.side_by_side.machine import versions
from bench.side_by_side.options import ComparisonParser
from bench.side_by_side.rounds import Part, Run
from bench.side_by_side.servers import Running, Server, install_node_peers

_PYTHON = ("uvicorn", "uvloop", "django", "graphene", "graphql-core", "orjson", "psycopg")
_NODE = ("@apollo/server", "graphql-yoga", "graphql", "graphql-ws", "ws", "dataloader", "pg")
PAUSE_S = 0.3  # between two loads on one server, for it to see the clients off
MIN_USERS = 50


def main(arguments: Sequence[str] = ()) -> None:
    """Measure, print tables and verdicts, and append each run of the load client to a file as a line of JSON."""
    quick = "one short round with fewer subscribers and documents"
    options = ComparisonParser("graphql", __doc__, parts=PARTS, servers=SERVERS, quick=quick).read(arguments)
    scale = next((each for asked, each in ((options.tiny, TINY), (options.quick, QUICK)) if asked), FULL)
    parts = [PARTS[name] for name in options.parts or PARTS]
    wanted = {part.name: servers_of(part, options.servers) for part in parts}
    servers = list(chain(*wanted.values()))
    load_client.allow_many_files()
    try:
        install_node_peers(servers, PEERS)
        install_python_peers(servers)
        with prepared(partial(make_seed, users=max(scale.subscribers, MIN_USERS))) as ground:
            load_client.compile_client(ground.folder)
            run = Run(
                ground, scale, partial(load_all, Answers()), versions(_PYTHON, _NODE, PEERS), options.json
            )
            for part in parts:
                run.measure(part, wanted[part.name])
    except BenchError as error:
        sys.exit(f"Error: {error}")


def servers_of(part: Part, names: Sequence[str] | None) -> list[Server]:
    """The servers of the part, or those among the named that it can measure."""
    if names is None:
        return [SERVERS[name] for name in part.servers]
    return [SERVERS[name] for name in (*part.servers, *part.more_servers) if name in names]


def load_all(answers: Answers, started: Running, measures: Sequence[Measure]) -> list[tuple[str, Figures]]:
    """Put each load on the server, after a look at what it answers."""
    results = []
    for measure in measures:
        arguments = list(measure.arguments)
        if measure.query:
            body = started.ground.folder / "body.json"
            body.write_text(measure.body())
            arguments += ["--body", str(body)]
            answers.check(started, measure)
        if measure.subscription:
            room = str(started.ground.seed.halls[0])
            arguments += ["--rooms", room, "--subscribe", _subscription(room)]
        results.append((measure.key, load_client.load(started, arguments)))
        time.sleep(PAUSE_S)
    return results


def _subscription(room: str) -> str:
    return json.dumps({"query": FOLLOW, "variables": {"r": room}})
