"""Where Parley's time goes under the load of a part."""

import pstats
import shutil
import signal
import subprocess
from pathlib import Path

from bench.program import BenchError
from bench.realtime.measures import Measure, Scale
from bench.realtime.parts import Part
from bench.realtime.seeding import Seed
from bench.realtime.servers import SERVERS
from bench.side_by_side.ground import Ground
from bench.side_by_side.machine import child_setup
from bench.side_by_side.servers import Running, running

TOP = 30
_SAMPLES_PER_S = 499


def profile(ground: Ground[Seed], part: Part, scale: Scale, tool: str) -> None:
    """Print the top functions of each measurement of the part: by cProfile, or by perf, which sees the kernel, too.

    cProfile makes Python's own functions look dearer than they are; perf does not name them (before Python 3.12).

    Raises:
        BenchError: there is no perf, or it may not look.
    """
    if tool == "perf" and not shutil.which("perf"):
        raise BenchError("perf is not installed")
    for measure in part.measures(scale, ground.seed):
        print(f"\n== {part.name}: {measure.key}", flush=True)
        if tool == "perf":
            _by_perf(ground, measure)
        else:
            _by_cprofile(ground, measure)


def _by_cprofile(ground: Ground[Seed], measure: Measure) -> None:
    from bench.realtime import measure_server

    output = ground.folder / "parley.profile"
    [(_, figures)] = measure_server(SERVERS["parley"], ground, [measure], "--profile", str(output))
    print(f"{figures}\n")
    statistics = pstats.Stats(str(output)).strip_dirs()
    statistics.sort_stats("tottime").print_stats(TOP)
    statistics.sort_stats("cumtime").print_stats(TOP)


def _by_perf(ground: Ground[Seed], measure: Measure) -> None:
    from bench.realtime import load_all

    output = ground.folder / "perf.data"
    with running(SERVERS["parley"], ground) as started:
        recorder = _record(started, output)
        try:
            [(_, figures)] = load_all(started, [measure])
        finally:
            recorder.send_signal(signal.SIGINT)
            said = recorder.communicate(timeout=30)[1]
    if not output.exists():
        raise BenchError(f"perf: {said[-500:]}")
    print(f"{figures}\n")
    command = [
        "perf",
        "report",
        "-i",
        str(output),
        "--stdio",
        "--no-children",
        "-g",
        "none",
        "--percent-limit",
        "0.5",
    ]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    print("\n".join([line for line in lines if line.strip() and not line.startswith("#")][: 2 * TOP]))


def _record(started: Running, output: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [
            "perf",
            "record",
            "-F",
            str(_SAMPLES_PER_S),
            "-o",
            str(output),
            "-p",
            ",".join(map(str, started.pids)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=child_setup(started.ground.cores.services, signal.SIGINT),
    )
