"""Rounds over servers, one at a time and in alternating order; medians, tables and verdicts."""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figures import print_table
from bench.side_by_side.ground import Ground
from bench.side_by_side.load_client import Figures
from bench.side_by_side.servers import Running, Server, running
from bench.side_by_side.targets import Target, median

LoadAll = Callable[[Running, Sequence[Any]], list[tuple[str, Figures]]]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a benchmark: its servers by name, its measurements, the columns of its table and the targets.

    A column is the title, the member of the load client's report, and its digits. `more_servers` are measured where
    they are asked for by name.
    """

    name: str
    title: str
    servers: tuple[str, ...]
    measures: Callable[[Any, Any], list[Any]]  # of a scale and a seed
    columns: tuple[tuple[str, str, int], ...]
    targets: tuple[Target, ...] = ()
    more_servers: tuple[str, ...] = ()
    rounds: int | None = None  # at most
    notes: tuple[str, ...] = ()


class Run:
    """One run of a benchmark over some parts.

    Args:
        load_all: puts the loads of some measurements on a running server; gives the figures by the measurement's key.
        versions: of what is measured.
        output: a file that each figure is appended to, as a line of JSON.
    """

    def __init__(
        self, ground: Ground[Any], scale: Any, load_all: LoadAll, versions: Mapping[str, str], output: Path
    ) -> None:
        self._ground, self._scale, self._load_all, self._output = ground, scale, load_all, output
        self._started = time.strftime("%Y-%m-%dT%H:%M:%S")
        self._versions = versions
        output.parent.mkdir(parents=True, exist_ok=True)

    def measure(self, part: Part, servers: Sequence[Server]) -> None:
        """Measure these servers, and print."""
        samples: dict[tuple[str, str], list[Figures]] = defaultdict(list)
        measures = part.measures(self._scale, self._ground.seed)
        for number in range(min(self._scale.rounds, part.rounds or self._scale.rounds)):
            for server in servers[:: -1 if number % 2 else 1]:  # none always runs after the same other
                with running(server, self._ground) as started:
                    for key, figures in self._load_all(started, measures):
                        samples[server.name, key].append(figures)
                        self._keep(part, server, key, number, figures)
        self._print(part, servers, measures, samples)

    def _keep(self, part: Part, server: Server, key: str, number: int, figures: Figures) -> None:
        line = {"run": self._started, "part": part.name, "server": server.name, "measurement": key}
        with self._output.open("a") as file:
            file.write(json.dumps(line | {"round": number} | figures) + "\n")

    def _print(
        self,
        part: Part,
        servers: Sequence[Server],
        measures: Sequence[Any],
        samples: dict[tuple[str, str], list[Figures]],
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


def _cell(figures: Sequence[Figures], name: str, digits: int) -> str:
    value: Any = median(figures, name)
    return "-" if value is None else f"{value:,.{digits}f}"


def _problems(figures: Sequence[Figures]) -> str:
    said = [each["problem"] for each in figures if each["problem"]]
    return f"{len(said)} of {len(figures)}: {said[0][:110]}" if said else ""
