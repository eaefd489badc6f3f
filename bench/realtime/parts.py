"""What is measured: for each part its servers, its measurements, the columns of its table and the targets."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from bench.realtime.ground import Seed
from bench.realtime.targets import Target


@dataclass(frozen=True, slots=True)
class Scale:
    """How many clients, how long and how often."""

    rounds: int
    seconds: float
    hold_s: float  # of idle connections
    idle_clients: int
    storm_clients: int
    cycles: int
    room_clients: tuple[int, ...]
    posters: int


FULL = Scale(
    rounds=3,
    seconds=2.0,
    hold_s=26.0,
    idle_clients=5000,
    storm_clients=500,
    cycles=3,
    room_clients=(200, 1000),
    posters=50,
)
QUICK = replace(FULL, rounds=1, seconds=0.6, hold_s=0.5, idle_clients=500, cycles=1, room_clients=(200,))
TINY = replace(
    QUICK, seconds=0.2, hold_s=0.1, idle_clients=20, storm_clients=20, room_clients=(10,), posters=10
)


@dataclass(frozen=True, slots=True)
class Measure:
    """One run of the load client. A fan-out takes a room of its own, so that its versions begin at 1."""

    key: str
    arguments: tuple[str, ...]
    needs_room: bool = True
    not_for: tuple[str, ...] = ()  # servers that it is beyond


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the benchmark. A column is the title, the member of the load client's report, and its digits.

    `more_servers` are measured where they are asked for by name.
    """

    name: str
    title: str
    servers: tuple[str, ...]
    measures: Callable[[Scale, Seed], list[Measure]]
    columns: tuple[tuple[str, str, int], ...]
    targets: tuple[Target, ...] = ()
    more_servers: tuple[str, ...] = ()
    rounds: int | None = None  # at most
    notes: tuple[str, ...] = ()


def _times(scale: Scale, *, seconds: float = 1.0) -> tuple[str, ...]:
    return ("--warm-up", str(min(0.5, scale.seconds)), "--seconds", str(scale.seconds * seconds))


def _fanout(scale: Scale, seed: Seed) -> list[Measure]:
    return [
        Measure(
            f"{count} clients, window {window}",
            ("fanout", "--clients", str(count), "--window", str(window), *_times(scale)),
        )
        for count in scale.room_clients
        for window in (1, 32)
    ]


def _latency(scale: Scale, seed: Seed) -> list[Measure]:
    return [
        Measure(
            f"{count} clients, 50/s",
            (
                "fanout",
                "--clients",
                str(count),
                "--rate",
                "50",
                *_times(scale, seconds=2),
            ),
            # 50,000 deliveries a second are more than they can do.
            not_for=("python-socketio", "channels") if count >= 1000 else (),
        )
        for count in scale.room_clients
    ]


def _posts(scale: Scale, seed: Seed) -> list[Measure]:
    senders = scale.posters
    rooms = {"one room": str(seed.floor), f"{senders} rooms": ",".join(map(str, seed.desks[:senders]))}
    names = ("--mention", seed.mention, "--bot", seed.bot)
    return [
        Measure(
            f"{name}, {f'{rate}/s' if rate else 'closed loop'}",
            ("posts", "--clients", str(senders), "--rooms", ids, "--rate", str(rate), *names, *_times(scale)),
            needs_room=False,
            not_for=("node-tx",) if rate == 1000 and name == "one room" else (),
        )
        for name, ids in rooms.items()
        for rate in (0, 50, 1000)
    ]


def _idle(scale: Scale, seed: Seed) -> list[Measure]:
    rooms = ",".join(map(str, seed.halls))
    count = str(scale.idle_clients)
    hold = ("--seconds", str(scale.hold_s))
    return [
        Measure(
            f"{count} connections", ("idle", "--clients", count, "--rooms", rooms, *hold), needs_room=False
        )
    ]


def _storm(scale: Scale, seed: Seed) -> list[Measure]:
    arguments = ("storm", "--clients", str(scale.storm_clients), "--cycles", str(scale.cycles))
    rooms = ",".join(map(str, seed.halls))
    return [
        Measure("connect", arguments, needs_room=False),
        Measure("connect and join", (*arguments, "--rooms", rooms), needs_room=False),
    ]


def _processes(scale: Scale, seed: Seed) -> list[Measure]:
    smaller = replace(scale, room_clients=scale.room_clients[:1])
    backlog = [measure for measure in _fanout(smaller, seed) if measure.key.endswith("32")]
    return [*backlog, *_latency(smaller, seed)]


_FANOUT = ("parley", "node", "node-redis", "python-socketio", "channels")
_DURABLE = ("parley", "node-tx", "node-fn", "node-batch")
_LATENCY = (("p50 ms", "p50_ms", 2), ("p99 ms", "p99_ms", 2))
_CPU = ("client CPU", "client_cpu", 2)

PARTS = {
    part.name: part
    for part in (
        Part(
            "fanout",
            "Fan-out: one client sends, everybody in the room gets it",
            _FANOUT,
            _fanout,
            (
                ("delivered/s", "deliveries_s", 0),
                ("per server CPU s", "deliveries_cpu_s", 0),
                _CPU,
            ),
            tuple(
                Target(f"{count} clients, window {window}", "deliveries_s", node, at_least=factor)
                for count in (200, 1000)
                for window, factor in ((1, 1.4), (32, 5.0))
                for node in ("node-redis", "node")
            ),
            more_servers=("parley-recovery",),
            notes=("Client CPU near 1.00: the load client was the limit, and the server can do more.",),
        ),
        Part(
            "latency",
            "Latency at a fixed rate, from when a message was due to its arrival",
            _FANOUT,
            _latency,
            (*_LATENCY, ("max ms", "max_ms", 1), ("server CPU s", "server_cpu_s", 2)),
            tuple(
                Target(f"{count} clients, 50/s", "p99_ms", node, at_most=1.0)
                for count in (200, 1000)
                for node in ("node-redis", "node")
            ),
            more_servers=("parley-recovery",),
        ),
        Part(
            "durable",
            "Posts, each committed before anybody sees it; 50 senders, from sending to arrival",
            _DURABLE,
            _posts,
            (
                ("posts/s", "posts_s", 0),
                *_LATENCY,
                ("server us/post", "server_us_post", 0),
                ("PostgreSQL us/post", "database_us_post", 0),
                ("out of order", "out_of_order", 0),
            ),
            (
                *(
                    Target(f"{rooms}, closed loop", "posts_s", node, at_least=factor)
                    for rooms in ("one room", "50 rooms")
                    for node, factor in (("node-tx", 4.0), ("node-fn", 1.5))
                ),
                *(
                    Target(f"{rooms}, {rate}/s", "p50_ms", "node-fn", at_most=1.0)
                    for rooms in ("one room", "50 rooms")
                    for rate in (50, 1000)
                ),
            ),
            more_servers=("node-list", "node-fn-redis"),
            rounds=2,
        ),
        Part(
            "idle",
            "Idle connections, each in one of twenty rooms",
            ("parley", "node", "python-socketio", "channels"),
            _idle,
            (
                ("KB/connection", "kb_per_connection", 1),
                ("held s", "held_s", 0),
                ("answered a ping", "pinged", 0),
                ("connecting s", "connecting_s", 1),
            ),
            (Target("", "kb_per_connection", None, at_most=25.0),),
            rounds=1,
            notes=("Resident memory of the server's process; the kernel's socket buffers are not in it.",),
        ),
        Part(
            "storm",
            "All clients connect at once, again and again",
            ("parley", "node", "node-redis", "node-fn", "python-socketio", "channels"),
            _storm,
            (
                ("ready/s", "ready_per_s", 0),
                ("per server CPU s", "ready_per_server_cpu_s", 0),
                ("s until all are", "ready_s", 2),
            ),
            tuple(
                Target("connect", "ready_per_s", node, at_least=2.0)
                for node in ("node-redis", "node", "node-fn")
            ),
            rounds=2,
            notes=(
                "parley and node-fn check account, sign-in and password in the database, and membership when joining;",
                "node, node-redis and python-socketio check the token's signature, channels checks nothing.",
            ),
        ),
        Part(
            "processes",
            "Web processes over one Valkey, behind one port, all on the server's core",
            ("parley", "parley-2", "parley-4"),
            _processes,
            (
                ("delivered/s", "deliveries_s", 0),
                ("per server CPU s", "deliveries_cpu_s", 0),
                *_LATENCY,
            ),
            rounds=2,
            notes=(
                "On one core more processes cannot deliver more. What to read is deliveries per CPU second: N cores",
                "deliver at most N times that, as long as Valkey, which each process reads from, keeps up.",
            ),
        ),
    )
}
