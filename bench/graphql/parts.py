"""The parts of the GraphQL benchmark."""

from bench.graphql import measures
from bench.side_by_side.rounds import Part
from bench.side_by_side.targets import Target

_REQUESTS = (
    ("server CPU ms", "server_ms_request", 3),
    ("PostgreSQL CPU ms", "database_ms_request", 3),
    ("requests/s", "requests_s", 0),
    ("p50 ms", "p50_ms", 2),
    ("p99 ms", "p99_ms", 2),
    ("client CPU", "client_cpu", 2),
)
_CPU = "requests_cpu_s"  # per second of the server's processor time, without PostgreSQL
_OURS = ("parley-compiled", "parley-core")

PARTS = {
    part.name: part
    for part in (
        Part(
            "rooms",
            "20 rooms x 20 messages x author, by 16 connections",
            ("parley", "graphene-django", "strawberry-django", "apollo", "yoga"),
            measures.rooms,
            _REQUESTS,
            (
                Target("", _CPU, "graphene-django", at_least=15.0),
                Target("", _CPU, "yoga", at_least=1.5),
                Target("", _CPU, "strawberry-django", at_least=1.0),
                Target("", _CPU, "apollo", at_least=1.0),
            ),
            more_servers=_OURS,
            notes=(
                "CPU is that of one request. Answers are compared: all servers give the same rooms and messages.",
            ),
        ),
        Part(
            "me",
            "{ me { id } } by 16 connections",
            ("parley", "async-view", "yoga"),
            measures.me,
            _REQUESTS,
            (
                Target("", _CPU, "async-view", at_least=5.0),
                Target("", "requests_s", "async-view", at_least=5.0),
            ),
            more_servers=(*_OURS, "apollo", "graphene-django", "strawberry-django"),
            notes=(
                "parley and async-view look account and sign-in up; yoga checks the token and reads the account.",
            ),
        ),
        Part(
            "subscribers",
            "Subscribers of one room over graphql-transport-ws; each message is committed first",
            ("parley", "graphql-ws"),
            measures.subscribers,
            (
                ("delivered/s", "deliveries_s", 0),
                ("per server CPU s", "deliveries_cpu_s", 0),
                ("client CPU", "client_cpu", 2),
            ),
            (Target("", "deliveries_s", "graphql-ws", at_least=1.0),),
            more_servers=_OURS,
        ),
        Part(
            "memory",
            "Documents that no cache has seen",
            ("parley",),
            measures.memory,
            (
                ("MB after a tenth", "early_mb", 1),
                ("MB after all", "late_mb", 1),
                ("growth MB", "growth_mb", 1),
                ("server CPU s", "server_cpu_s", 1),
            ),
            (Target("", "growth_mb", None, at_most=5.0),),
            more_servers=(*_OURS, "apollo", "yoga"),
            rounds=1,
            notes=("Caches are full after a tenth; what the allocator keeps is in it.",),
        ),
    )
}
