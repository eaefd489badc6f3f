"""The parts of the benchmark: for each its servers, its measurements, the columns of its table and the targets."""

from bench.realtime import measures
from bench.side_by_side.rounds import Part
from bench.side_by_side.targets import Target

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
            measures.fanout,
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
            measures.latency,
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
            measures.posts,
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
            measures.idle,
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
            measures.storm,
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
            measures.processes,
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
