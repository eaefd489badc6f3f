"""The loads that are put on a server, as calls of the load client, and on which scale."""

from dataclasses import dataclass, replace

from bench.realtime.seeding import Seed


@dataclass(frozen=True, slots=True)
class Scale:
    """How many clients, how long and how often. A quick one leaves out what is slow and far behind."""

    rounds: int
    seconds: float
    warm_up_s: float
    hold_s: float  # of idle connections
    idle_clients: int
    storm_clients: int
    cycles: int
    room_clients: tuple[int, ...]
    posters: int
    post_rates: tuple[
        tuple[int, ...], tuple[int, ...]
    ]  # posts/s in one room, and in many; 0 for a closed loop
    left_out: frozenset[str] = frozenset()


FULL = Scale(
    rounds=3,
    seconds=2.0,
    warm_up_s=0.5,
    hold_s=26.0,  # in which every client has been asked whether it is there
    idle_clients=5000,
    storm_clients=500,
    cycles=3,
    room_clients=(200, 1000),
    posters=50,
    post_rates=((0, 50, 1000), (0, 50, 1000)),
)
QUICK = replace(
    FULL,
    rounds=1,
    seconds=0.5,
    warm_up_s=0.3,
    hold_s=0.5,
    idle_clients=500,
    storm_clients=200,
    cycles=1,
    room_clients=(200,),
    post_rates=((0, 50), (0, 1000)),
    left_out=frozenset({"python-socketio", "channels", "parley-4"}),
)
TINY = replace(
    QUICK,
    seconds=0.2,
    warm_up_s=0.1,
    hold_s=0.1,
    idle_clients=20,
    storm_clients=20,
    room_clients=(10,),
    posters=10,
    left_out=frozenset(),
)


@dataclass(frozen=True, slots=True)
class Measure:
    """One run of the load client. A fan-out takes a room of its own, so that its versions begin at 1."""

    key: str
    arguments: tuple[str, ...]
    needs_room: bool = True
    not_for: tuple[str, ...] = ()  # servers that it is beyond


def fanout(scale: Scale, seed: Seed) -> list[Measure]:
    """One message at a time, and a backlog of 32."""
    return [
        Measure(
            f"{count} clients, window {window}",
            ("fanout", "--clients", str(count), "--window", str(window), *_times(scale)),
        )
        for count in scale.room_clients
        for window in (1, 32)
    ]


def latency(scale: Scale, seed: Seed) -> list[Measure]:
    """Fifty messages a second."""
    return [
        Measure(
            f"{count} clients, 50/s",
            ("fanout", "--clients", str(count), "--rate", "50", *_times(scale, longer=1.5)),
            # 50,000 deliveries a second are more than they can do.
            not_for=("python-socketio", "channels") if count >= 1000 else (),
        )
        for count in scale.room_clients
    ]


def posts(scale: Scale, seed: Seed) -> list[Measure]:
    """All senders in one room, and each in a room of its own."""
    senders = scale.posters
    named = ("--mention", seed.mention, "--bot", seed.bot)
    one = ("one room", str(seed.floor), scale.post_rates[0])
    many = (f"{senders} rooms", ",".join(map(str, seed.desks[:senders])), scale.post_rates[1])
    return [
        Measure(
            f"{name}, {f'{rate}/s' if rate else 'closed loop'}",
            ("posts", "--clients", str(senders), "--rooms", ids, "--rate", str(rate), *named, *_times(scale)),
            needs_room=False,
            not_for=("node-tx",) if rate >= 1000 and name == "one room" else (),
        )
        for name, ids, rates in (one, many)
        for rate in rates
    ]


def idle(scale: Scale, seed: Seed) -> list[Measure]:
    """Connections in twenty rooms."""
    count = str(scale.idle_clients)
    arguments = ("idle", "--clients", count, "--rooms", _rooms(seed), "--seconds", str(scale.hold_s))
    return [Measure(f"{count} connections", arguments, needs_room=False)]


def storm(scale: Scale, seed: Seed) -> list[Measure]:
    """Connections alone, and with a room to join."""
    arguments = ("storm", "--clients", str(scale.storm_clients), "--cycles", str(scale.cycles))
    return [
        Measure("connect", arguments, needs_room=False),
        Measure("connect and join", (*arguments, "--rooms", _rooms(seed)), needs_room=False),
    ]


def processes(scale: Scale, seed: Seed) -> list[Measure]:
    """A backlog, and a fixed rate."""
    smaller = replace(scale, room_clients=scale.room_clients[:1])
    return [*fanout(smaller, seed)[1:], *latency(smaller, seed)]


def _times(scale: Scale, *, longer: float = 1.0) -> tuple[str, ...]:
    return ("--warm-up", str(scale.warm_up_s), "--seconds", str(scale.seconds * longer))


def _rooms(seed: Seed) -> str:
    return ",".join(map(str, seed.halls))
