"""What the whole program takes of the memory while nobody uses it, and after it was used.

RSS counts a page once for each process that maps it: PostgreSQL's shared buffers for each of its processes,
a library for each that loaded it. PSS shares such a page out, so its sum is what the machine really gives.
"""

import time
from collections import defaultdict
from pathlib import Path

from bench.figures import print_table
from bench.processes import family, part_of
from bench.program import Program, running

IDLE_S = 60.0  # pools close what they do not need, one connection every ten seconds
SEARCH = 'query { similaritySearch(query: "how to set an API key") { id } }'
_PARTS = ("supervisor", "web", "worker", "PostgreSQL", "Valkey", "other")


def main() -> None:
    """Print MB by part of the program, idle and after use."""
    with running() as program:
        program.settle()
        time.sleep(IDLE_S)
        idle = bypart_of(program)
        program.graphql(SEARCH)
        time.sleep(IDLE_S)
        used = bypart_of(program)
    rows = [
        [part, idle[part][0], *_mb(idle[part][1:]), *_mb(used[part][1:])] for part in _PARTS if idle[part][0]
    ]
    totals = [[sum(column) for column in zip(*state.values(), strict=True)] for state in (idle, used)]
    without = [
        [a - b for a, b in zip(total, state["supervisor"], strict=True)]
        for total, state in zip(totals, (idle, used), strict=True)
    ]
    rows.append(["all but the supervisor", without[0][0], *_mb(without[0][1:]), *_mb(without[1][1:])])
    rows.append(["all", totals[0][0], *_mb(totals[0][1:]), *_mb(totals[1][1:])])
    print_table(
        "Memory of the whole program, MB (target: under 600 RSS, idle)",
        ["", "processes", "idle RSS", "idle PSS", "RSS after a search", "PSS after a search"],
        rows,
        "Idle: the demo's documents are processed, so the worker has loaded the embedder.",
        "RSS counts memory that processes share once for each of them; PSS shares it out.",
    )


def bypart_of(program: Program) -> dict[str, list[int]]:
    """Processes, RSS bytes and PSS bytes of each part."""
    parts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for pid in family(program.pid):
        try:
            rss, pss = _memory(pid)
            part = part_of(pid, program.pid)
        except (FileNotFoundError, ProcessLookupError):  # ended meanwhile
            continue
        for place, amount in enumerate((1, rss, pss)):
            parts[part][place] += amount
    return parts


def _memory(pid: int) -> tuple[int, int]:
    """RSS and PSS in bytes."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kilobytes = {name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines)}
    return kilobytes["Rss"] * 1024, kilobytes["Pss"] * 1024


def _mb(amounts: list[int]) -> list[str]:
    return [f"{amount / 1e6:.0f}" for amount in amounts]


if __name__ == "__main__":
    main()
