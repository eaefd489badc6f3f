"""A web process of Parley with one event more: `broadcast` goes to everybody in a room, without the database.

It is `project.web` with the application of `project.asgi`: authentication, `join-room`, the hub, the feeds and the
sessions are the real ones, so what is measured is what a message costs once it is stored. `--profile FILE` keeps
what cProfile saw of all threads, in seconds of processor time.
"""

import cProfile
import itertools
import pstats
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator

import project.asgi  # noqa: F401  # sets Django up, which the imports below need
from chat.events import MessagePosted, publish
from chat.main_namespace.namespace import register_event
from chat.main_namespace.socket import ChatSocket
from chat.selectors import NO_ROOM, parse_id
from project import web

# Only one client sends in a room, so one process counts.
_versions: defaultdict[int, Iterator[int]] = defaultdict(lambda: itertools.count(1))


async def broadcast(socket: ChatSocket, room_id: object, text: object) -> None:
    """`broadcast roomId, text`: a new message with the next version of the room."""
    number = parse_id(room_id, NO_ROOM)
    await publish(MessagePosted({"roomId": str(number), "version": next(_versions[number]), "text": text}))


def main() -> None:
    """Serve until SIGTERM."""
    register_event("broadcast", broadcast)
    if "--profile" not in sys.argv:
        web.main()
        return
    place = sys.argv.index("--profile")
    _, output = sys.argv[place : place + 2]
    del sys.argv[place : place + 2]
    profile_main(output)


class _ThreadProfile(cProfile.Profile):
    """A profile in seconds of its thread's processor time, which another thread may read."""

    def __init__(self) -> None:
        super().__init__(time.thread_time)

    def create_stats(self) -> None:
        # Without `disable`, which would end the calls under way by the clock of the thread that asks.
        self.snapshot_stats()


def profile_main(output: str) -> None:
    """Serve, and write what each thread spent its time with. Threads count their own time, so waiting is free."""
    profiles: list[_ThreadProfile] = []

    def begin(*_: object) -> None:  # called once by each thread as its profiler, which it then replaces
        profiles.append(_ThreadProfile())
        profiles[-1].enable()

    # uvicorn raises the signal that ended it once more: this must not end the process before the profile is kept.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    threading.setprofile(begin)
    begin()
    try:
        web.main()
    finally:
        pstats.Stats(*profiles).dump_stats(output)


if __name__ == "__main__":
    main()
