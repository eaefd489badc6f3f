"""A web process of Parley with one event more: `broadcast` goes to everybody in a room, without the database.

It is `project.web` with the application of `project.asgi`: authentication, `join-room`, the hub, the feeds and the
sessions are the real ones, so what is measured is what a message costs once it is stored. `--profile FILE` keeps
what cProfile saw of the event loop's thread.
"""

import cProfile
import itertools
import signal
import sys
from collections import defaultdict
from collections.abc import Iterator

import project.asgi  # noqa: F401  # sets Django up, which the imports below need
from chat.events import MessagePosted, publish
from chat.selectors import NO_ROOM, parse_id
from chat.socket_events import ChatSocket, register_event
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
    # uvicorn raises the signal that ended it once more: this must not end the process before the profile is kept.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    profile = cProfile.Profile()
    try:
        profile.runcall(web.main)
    finally:
        profile.dump_stats(output)


if __name__ == "__main__":
    main()
