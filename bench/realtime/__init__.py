"""The real-time servers side by side: `python -m bench realtime [PART...] [--quick]` (docs/benchmarks.md).

Parts: fanout, latency, durable, idle, storm, processes. One server at a time, in alternating order over the rounds,
with a load client written for it.
"""

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain, cycle
from pathlib import Path
from typing import Any

from bench.figures import print_table
from bench.program import ROOT, BenchError
from bench.realtime import client, profiles
from bench.realtime.ground import Ground, prepared
from bench.realtime.machine import versions
from bench.realtime.measures import FULL, QUICK, TINY, Measure, Scale
from bench.realtime.parts import PARTS, Part
from bench.realtime.servers import SERVERS, Running, Server, install_peers, running
from bench.realtime.targets import median

PAUSE_S = 0.3  # between two loads on one server, for it to see the clients off


def main(arguments: Sequence[str] = ()) -> None:
    """Measure, print tables and verdicts, and append each run of the load client to a file as a line of JSON."""
    options = _options(arguments)
    scale = next((each for asked, each in ((options.tiny, TINY), (options.quick, QUICK)) if asked), FULL)
    parts = [PARTS[name] for name in options.parts or PARTS]
    names = ["parley"] if options.profile else options.servers
    wanted = {part.name: servers_of(part, names, scale) for part in parts}
    client.allow_many_files()
    try:
        install_peers(list(chain(*wanted.values())))
        with prepared(users=max(*scale.room_clients, scale.storm_clients, scale.posters)) as ground:
            client.compile_client(ground.folder)
            run = Run(ground, scale, options.json)
            for part in parts:
                if options.profile:
                    profiles.profile(ground, part, scale, options.profile)
                else:
                    run.measure(part, wanted[part.name])
    except BenchError as error:
        sys.exit(f"Error: {error}")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench realtime", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of: {', '.join(PARTS)} (all)")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="one short round with fewer clients")
    size.add_argument("--tiny", action="store_true", help="only to see that it runs")
    parser.add_argument("--servers", type=lambda text: text.split(","), help=f"some of: {','.join(SERVERS)}")
    parser.add_argument("--json", type=Path, default=ROOT / "var" / "bench-realtime.jsonl", metavar="FILE")
    parser.add_argument(
        "--profile",
        nargs="?",
        const="cprofile",
        choices=("cprofile", "perf"),
        help="where Parley's time goes",
    )
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if unknown := set(options.servers or ()) - set(SERVERS):
        parser.error(f"no such server: {', '.join(sorted(unknown))}")
    return options


def servers_of(part: Part, names: Sequence[str] | None, scale: Scale) -> list[Server]:
    """The servers of the part on that scale, or those among the named that it can measure."""
    if names is None:
        return [SERVERS[name] for name in part.servers if name not in scale.left_out]
    return [SERVERS[name] for name in (*part.servers, *part.more_servers) if name in names]


class Run:
    """One run of the benchmark over some parts."""

    def __init__(self, ground: Ground, scale: Scale, output: Path) -> None:
        self._ground, self._scale, self._output = ground, scale, output
        self._started = time.strftime("%Y-%m-%dT%H:%M:%S")
        self._versions = versions()
        output.parent.mkdir(parents=True, exist_ok=True)

    def measure(self, part: Part, servers: Sequence[Server]) -> None:
        """Measure these servers, and print."""
        samples: dict[tuple[str, str], list[client.Figures]] = defaultdict(list)
        measures = part.measures(self._scale, self._ground.seed)
        for number in range(min(self._scale.rounds, part.rounds or self._scale.rounds)):
            for server in servers[:: -1 if number % 2 else 1]:  # none always runs after the same other
                for key, figures in measure_server(server, self._ground, measures):
                    samples[server.name, key].append(figures)
                    self._keep(part, server, key, number, figures)
        self._print(part, servers, measures, samples)

    def _keep(self, part: Part, server: Server, key: str, number: int, figures: client.Figures) -> None:
        line = {"run": self._started, "part": part.name, "server": server.name, "measurement": key}
        with self._output.open("a") as file:
            file.write(json.dumps(line | {"round": number} | figures) + "\n")

    def _print(
        self,
        part: Part,
        servers: Sequence[Server],
        measures: Sequence[Measure],
        samples: dict[tuple[str, str], list[client.Figures]],
    ) -> None:
        columns = [
            column
            for column in part.columns
            if any(column[1] in each for figures in samples.values() for each in figures)
        ]
        rows = [
            [measure.key, server.name, *(_cell(samples[server.name, measure.key], *column[1:]) for column in columns),
             _problems(samples[server.name, measure.key])]
            for measure in measures
            for server in servers
            if (server.name, measure.key) in samples
        ]  # fmt: skip
        head = ["measurement", "server", *(title for title, _, _ in columns), "problems"]
        print_table(
            f"{part.title} (medians)",
            head,
            rows,
            *part.notes,
            str(self._ground.cores),
            ", ".join(f"{name} {version}" for name, version in self._versions.items()),
        )
        verdicts = [verdict for target in part.targets for verdict in target.verdicts(samples)]
        if verdicts:
            head = ["measurement", "figure", "ratio of", "value", "by CPU", "target", ""]
            print_table(f"Targets: {part.name}", head, verdicts)


def measure_server(
    server: Server, ground: Ground, measures: Sequence[Measure], *extra: str
) -> list[tuple[str, client.Figures]]:
    """Start the server and put each load on it; gives the figures by the measurement's key."""
    with running(server, ground, *extra) as started:
        return list(load_all(started, measures))


def load_all(started: Running, measures: Sequence[Measure]) -> list[tuple[str, client.Figures]]:
    """Put each load that is for this server on it."""
    halls = cycle(started.ground.seed.halls)
    results = []
    for measure in measures:
        if started.server.name in measure.not_for:
            continue
        room = ("--rooms", str(next(halls))) if measure.needs_room else ()
        results.append((measure.key, client.load(started, (*measure.arguments, *room))))
        time.sleep(PAUSE_S)
    return results


def _cell(figures: Sequence[client.Figures], name: str, digits: int) -> str:
    value: Any = median(figures, name)
    return "-" if value is None else f"{value:,.{digits}f}"


def _problems(figures: Sequence[client.Figures]) -> str:
    said = [each["problem"] for each in figures if each["problem"]]
    return f"{len(said)} of {len(figures)}: {said[0][:110]}" if said else ""
