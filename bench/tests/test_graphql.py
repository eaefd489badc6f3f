"""The GraphQL benchmark still runs, from its servers to its tables; what it measures here means nothing."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.graphql.servers import PEERS

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 240


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", "graphql", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S,
    )  # fmt: skip


@pytest.mark.skipif(not shutil.which("cc"), reason="there is no C compiler")
def test_a_tiny_run_measures_parley_and_the_peers_that_are_there(tmp_path):
    has_node = (PEERS / "node_modules").exists()
    output = tmp_path / "runs.jsonl"
    servers = ["parley", *(["yoga", "graphql-ws"] if has_node else [])]

    done = run("rooms", "subscribers", "--tiny", "--servers", ",".join(servers), "--json", str(output))

    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert [(line["part"], line["server"], line["problem"]) for line in lines] == [
        ("rooms", "parley", ""),
        *([("rooms", "yoga", "")] if has_node else []),
        *[("subscribers", "parley", "")] * 2,
        *([("subscribers", "graphql-ws", "")] * 2 if has_node else []),
    ]
    assert all(line["requests"] > 0 for line in lines if line["part"] == "rooms")
    assert all(line["deliveries"] > 0 for line in lines if line["part"] == "subscribers")
    assert "requests/s" in done.stdout and "delivered/s" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["nonsense"], "no such part: nonsense"),
        (["me", "--servers", "parley,nobody"], "no such server: nobody"),
    ],
)
def test_what_there_is_not_is_refused(arguments, problem):
    done = run(*arguments)

    assert done.returncode == 2
    assert problem in done.stderr
