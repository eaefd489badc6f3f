"""Whether the servers answer the same: a figure for another answer would mean nothing."""

import http.client
import json
from typing import Any

from bench.graphql.measures import ROOMS, Measure
from bench.program import BenchError
from bench.side_by_side.servers import Running

TIMEOUT_S = 30.0


class Answers:
    """What the first server answered to each query, without ids and times, whose form is each server's own."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[str, Any]] = {}

    def check(self, started: Running, measure: Measure) -> None:
        """Ask the server once.

        Raises:
            BenchError: it answers with errors, or not like the first one; or lets in somebody without a token.
        """
        name, token = started.server.name, started.ground.seed.token()
        status, content = _ask(started, measure, f"Bearer {token}")
        if status != 200 or content.get("errors") or not content.get("data"):
            raise BenchError(f"{name} answers {measure.key} with {status}: {str(content)[:300]}")
        if measure.query == ROOMS and (_ask(started, measure, "Bearer nobody")[1].get("data") or {}).get(
            "rooms"
        ):
            raise BenchError(f"{name} asks nobody for a token")
        shape = _shape(content["data"])
        first, expected = self._first.setdefault(measure.query, (name, shape))
        if shape != expected:
            raise BenchError(f"{name} and {first} answer {measure.key} differently")


def _ask(started: Running, measure: Measure, authorization: str) -> tuple[int, Any]:
    client = http.client.HTTPConnection("127.0.0.1", started.port, timeout=TIMEOUT_S)
    headers = {
        "Authorization": authorization,
        "Content-Type": "application/json",
        "Accept": "application/json",
    }
    try:
        client.request("POST", started.server.path, measure.body(), headers)
        reply = client.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        client.close()


def _shape(value: Any) -> Any:
    if isinstance(value, list):
        return [_shape(item) for item in value]
    if isinstance(value, dict):
        return {name: name if name in ("id", "createdAt") else _shape(item) for name, item in value.items()}
    return value
