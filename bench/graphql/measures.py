"""The loads that are put on a server, as calls of the load client, and on which scale."""

import json
from dataclasses import dataclass, replace

from bench.graphql.seeding import Seed

ROOMS = """{ rooms(first: 20) { edges { node { id name messages(first: 20) { edges { node {
  id text createdAt author { id username displayName } } } } } } } }"""
ME = "{ me { id } }"
DISTINCT = "{ me { id a00000000: __typename } }"  # the number becomes another one in each request
FOLLOW = "subscription($r: ID!) { messageAdded(roomId: $r) { id text version author { id username } } }"


@dataclass(frozen=True, slots=True)
class Scale:
    """How many clients, how long and how often."""

    rounds: int
    seconds: float
    warm_up_s: float
    connections: int
    subscribers: int
    documents: int


FULL = Scale(rounds=3, seconds=4.0, warm_up_s=1.0, connections=16, subscribers=1000, documents=100_000)
QUICK = replace(FULL, rounds=1, seconds=2.0, subscribers=200, documents=10_000)
TINY = replace(QUICK, seconds=0.3, warm_up_s=0.2, connections=4, subscribers=10, documents=300)


@dataclass(frozen=True, slots=True)
class Measure:
    """One run of the load client. `query` is what it posts over HTTP; a subscription is followed by WebSockets."""

    key: str
    arguments: tuple[str, ...]
    query: str = ""
    subscription: bool = False

    def body(self) -> str:
        """What is posted."""
        return json.dumps({"query": self.query})


def rooms(scale: Scale, seed: Seed) -> list[Measure]:
    """Twenty rooms, the first twenty messages of each, and the author of each."""
    return [Measure("rooms, messages, authors", _requests(scale), ROOMS)]


def me(scale: Scale, seed: Seed) -> list[Measure]:
    """The smallest question that needs to know who asks."""
    return [Measure("me", _requests(scale), ME)]


def subscribers(scale: Scale, seed: Seed) -> list[Measure]:
    """Everybody follows one room, in which one client posts: one message at a time, and eight."""
    count = str(scale.subscribers)
    return [
        Measure(
            f"{count} subscribers, window {window}",
            ("fanout", "--clients", count, "--window", str(window), *_times(scale)),
            subscription=True,
        )
        for window in (1, 8)
    ]


def memory(scale: Scale, seed: Seed) -> list[Measure]:
    """Documents that no cache has seen."""
    count = ("--clients", str(scale.connections), "--requests", str(scale.documents))
    return [Measure(f"{scale.documents} documents", ("requests", *count), DISTINCT)]


def _requests(scale: Scale) -> tuple[str, ...]:
    return ("requests", "--clients", str(scale.connections), *_times(scale))


def _times(scale: Scale) -> tuple[str, ...]:
    return ("--warm-up", str(scale.warm_up_s), "--seconds", str(scale.seconds))
