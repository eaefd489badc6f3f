"""The GraphQL benchmark still runs, from its servers to its tables; what it measures here means nothing."""

import pytest

from bench.graphql.servers import PEERS
from bench.tests.tiny_runs import assert_refused, measured, needs_compiler


@needs_compiler
def test_a_tiny_run_measures_parley_and_the_peers_that_are_there(tmp_path):
    has_node = (PEERS / "node_modules").exists()
    servers = ["parley", *(["graphql-ws"] if has_node else [])]  # each start takes seconds

    lines, tables = measured(
        tmp_path, "graphql", "rooms", "subscribers", "memory", "--servers", ",".join(servers)
    )

    assert {(line["part"], line["server"]) for line in lines} == {
        ("rooms", "parley"),
        ("subscribers", "parley"),
        *([("subscribers", "graphql-ws")] if has_node else []),
        ("memory", "parley"),
    }
    assert [line["problem"] for line in lines if line["problem"]] == []
    assert all(line["p50_ms"] <= line["p99_ms"] for line in lines if line["part"] == "rooms")
    assert all(line["requests"] > 0 and line["late_mb"] > 0 for line in lines if line["part"] == "memory")
    assert all(line["deliveries"] > 0 for line in lines if line["part"] == "subscribers")
    for heading in ("requests/s", "p99 ms", "delivered/s", "growth MB"):
        assert heading in tables


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["nonsense"], "no such part: nonsense"),
        (["me", "--servers", "parley,nobody"], "no such server: nobody"),
    ],
)
def test_what_there_is_not_is_refused(arguments, problem):
    assert_refused(problem, "graphql", *arguments)
