"""Connection state recovery: a stock Socket.IO client that was cut off gets its rooms back, and what it missed there.

The client sends back the `pid` that it was given and the offset of the last message it got. A row in PostgreSQL says
which rooms it had joined, so it may come back to any process, also after a restart. An offset is not signed: it says
no more than `since` does when a room is joined, and access to each room is checked again.

Source: https://socket.io/docs/v4/connection-state-recovery and `_pid`, `_lastOffset` of socket.io-client's socket.ts.
"""

import asyncio
import logging
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import Error as DatabaseError
from django.db.models.functions import Now

from chat import actions
from chat.actions import SESSION_LASTS
from chat.cancellation import is_cancelled
from chat.database import run_in_db
from chat.errors import Conflict
from chat.live.offsets import parse_offset
from chat.models import SocketSession, User
from chat.per_loop import PerLoop
from chat.selectors import rooms_readable_by
from chat.sockets.protocol.engineio import parse_query

log = logging.getLogger(__name__)
KEEP_INTERVAL_S = 3600.0
_PID = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)
_SECONDS = re.compile(r"[0-9]+\.[0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a client says of the connection that it had: its pid, and versions by room id."""

    pid: str
    positions: Mapping[int, int]


def parse_claim(auth: Mapping[str, Any]) -> Claim | None:
    """The claim of what a client sent to connect; None if it makes none that can be understood.

    The offset is absent until the client has got its first message.
    """
    pid, offset = auth.get("pid"), auth.get("offset")
    positions = {} if offset is None else parse_offset(offset)
    if positions is None or not isinstance(pid, str) or not _PID.fullmatch(pid):
        return None
    return Claim(pid, positions)


def wants_recovery(scope: Mapping[str, Any], auth: Mapping[str, Any]) -> bool:
    """Whether a client is given a pid. `recovery: false` declines, for clients that use `since`.

    python-socketio cannot recover, and its handlers would fail at the offset, an argument more than they expect. Its
    requests are stamped with the time in seconds (`t=1700000000.5`), as those of no other client are.
    """
    stamp = parse_query(scope["query_string"]).get("t", ("",))[-1]
    return auth.get("recovery") is not False and not _SECONDS.fullmatch(stamp)


def find_positions(user: User, claim: Claim) -> dict[int, int] | None:
    """Where the client got to in each room it had joined, by room id; None if there is no such session of the user.

    A room without a position in the claim had no message since it was joined.
    """
    found = SocketSession.objects.filter(pid=claim.pid, user=user, updated_at__gt=Now() - SESSION_LASTS)
    session = found.first()
    if session is None:
        return None
    joined = {int(room_id): version for room_id, version in session.rooms.items()}
    # A room that was left and joined again may have an older position in the claim.
    return {room_id: max(version, claim.positions.get(room_id, 0)) for room_id, version in joined.items()}


class TakenOver(Conflict):
    """The client has come back over another connection: this one was cut off, and learns it only now."""

    def __init__(self) -> None:
        super().__init__("This connection was taken up by another one.")


class Record:
    """The session's row, as its one writer sees it. Its methods touch the database; a socket calls one at a time."""

    def __init__(self, pid: str, sid: str) -> None:
        self.pid = pid
        self.sid = sid
        self.rooms: dict[int, int] = {}
        self._stored = False

    @classmethod
    def new(cls, sid: str) -> "Record":
        """One that has no row yet: the first join writes it."""
        return cls(secrets.token_urlsafe(18), sid)

    def note_join(self, user: User, room_id: int, version: int) -> None:
        """A room was joined at that version.

        Raises:
            TakenOver: the session is not this socket's any more.
        """
        self.rooms[room_id] = version
        if self._stored:
            self._change()
        elif actions.begin_socket_session(user, pid=self.pid, sid=self.sid, rooms=self.rooms):
            self._stored = True
        else:
            raise TakenOver

    def note_leave(self, room_id: int) -> None:
        """A room was left; no matter if it had not been joined.

        Raises:
            TakenOver: as above.
        """
        if self.rooms.pop(room_id, None) is not None:
            self._change()

    def take_over(self, user: User, positions: Mapping[int, int]) -> dict[int, int] | None:
        """Become the writer, in those of the rooms which the user may still read.

        Returns:
            Versions of these rooms by id, or None: there is no such session any more.
        """
        rooms = rooms_readable_by(user).filter(pk__in=positions)
        versions = dict(rooms.values_list("pk", "version"))
        self.rooms = {room_id: min(positions[room_id], version) for room_id, version in versions.items()}
        taken = actions.take_over_socket_session(user, pid=self.pid, sid=self.sid, rooms=self.rooms)
        self._stored = taken
        return versions if taken else None

    def forget(self) -> None:
        """The client said goodbye."""
        if self._stored:
            actions.end_socket_session(pid=self.pid, sid=self.sid)

    def _change(self) -> None:
        if not actions.change_socket_session(pid=self.pid, sid=self.sid, rooms=self.rooms):
            raise TakenOver


class Keeper:
    """Every hour: the rows of this event loop's clients are kept, and those that nobody needs any more removed."""

    def __init__(self) -> None:
        self._pids: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, pid: str) -> None:
        """Keep this session while its client is here."""
        self._pids.add(pid)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def discard(self, pid: str) -> None:
        """The client has gone; it may come back for a day."""
        self._pids.discard(pid)

    async def _run(self) -> None:
        while not is_cancelled():
            try:
                await run_in_db(actions.keep_socket_sessions, list(self._pids))
                while await run_in_db(actions.remove_old_socket_sessions):
                    pass
            except DatabaseError as error:
                log.warning("the sessions of Socket.IO clients could not be kept: %s", error)
            except Exception:  # a day without this loop, and the sessions of those who are here are gone
                log.exception(
                    "the sessions of Socket.IO clients could not be kept; the next time tries again"
                )
            await asyncio.sleep(KEEP_INTERVAL_S)


current_keeper = PerLoop(Keeper)
