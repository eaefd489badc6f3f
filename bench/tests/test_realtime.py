"""The real-time benchmark still runs, from its servers to its tables; what it measures here means nothing."""

import pytest

from bench.realtime.servers import PEERS
from bench.side_by_side.targets import Target, median
from bench.tests.tiny_runs import assert_refused, measured, needs_compiler


@needs_compiler
def test_a_tiny_run_measures_parley_and_a_peer(tmp_path):
    peer = "node" if (PEERS / "node_modules").exists() else "python-socketio"

    lines, tables = measured(tmp_path, "realtime", "fanout", "--servers", f"parley,{peer}")

    assert [(line["server"], line["measurement"], line["problem"]) for line in lines] == [
        (server, f"10 clients, window {window}", "") for server in ("parley", peer) for window in (1, 32)
    ]
    assert all(line["deliveries"] > 0 and line["deliveries"] <= 10 * line["messages"] for line in lines)
    assert "delivered/s" in tables


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["nonsense"], "no such part: nonsense"),
        (["fanout", "--servers", "parley,nobody"], "no such server: nobody"),
    ],
)
def test_what_there_is_not_is_refused(arguments, problem):
    assert_refused(problem, "realtime", *arguments)


def test_rounds_with_a_problem_count_for_nothing():
    figures = [
        {"posts_s": 10, "problem": ""},
        {"posts_s": 900, "problem": "lost"},
        {"posts_s": 30, "problem": ""},
    ]

    assert median(figures, "posts_s") == 20
    assert median(figures[1:2], "posts_s") is None


def test_a_target_is_reached_or_short_and_silent_about_what_was_not_measured():
    samples = {
        ("parley", "a"): [{"rate": 30, "problem": ""}],
        ("node", "a"): [{"rate": 20, "problem": ""}],
        ("parley", "b"): [{"rate": 30, "problem": ""}],
    }

    assert Target("a", "rate", "node", at_least=1.5).verdicts(samples) == [
        ["a", "rate", "parley / node", "1.50", "", ">= 1.5", "OK"]
    ]
    assert Target("a", "rate", "node", at_most=1.0).verdicts(samples)[0][-1] == "short"
    assert Target("b", "rate", "node", at_least=1.5).verdicts(samples) == []
    by_cpu = {
        (server, "a"): [{"posts_s": 3, "posts_cpu_s": n, "problem": ""}]
        for server, n in (("parley", 9), ("node", 3))
    }
    assert Target("a", "posts_s", "node", at_least=2).verdicts(by_cpu)[0][3:] == [
        "1.00",
        "3.00",
        ">= 2",
        "short",
    ]
    assert [row[0] for row in Target("", "rate", None, at_most=25).verdicts(samples)] == ["a", "b"]
