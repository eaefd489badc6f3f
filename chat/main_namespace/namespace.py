"""The namespace `/`: who may connect, who comes back, and how other apps add events to it."""

import logging
from collections.abc import Mapping
from typing import Any

from django.db import Error as DatabaseError

from chat.access.authentication import Caller, caller_from_handshake
from chat.access.sweeps import current_sweeper
from chat.access.token_checks import current_token_checks
from chat.database import run_in_db
from chat.limiting import limits
from chat.live.presence import ANYWHERE, check_connections, current_presence
from chat.live.room_updates import current_room_updates
from chat.main_namespace.recovery import (
    Claim,
    Record,
    current_keeper,
    find_positions,
    parse_claim,
    wants_recovery,
)
from chat.main_namespace.socket import ChatSocket
from chat.sockets.namespaces import DEFAULT_LIMIT, Carrier, Handler, Namespace

log = logging.getLogger(__name__)


class ChatNamespace(Namespace[ChatSocket]):
    """People and clients of people: an access token in `auth.token`, or the session cookie of a page of this site."""

    async def connect(self, connection: Carrier, auth: Mapping[str, Any]) -> ChatSocket:
        scope = dict(connection.scope)
        claim = parse_claim(auth) if (wanted := wants_recovery(scope, auth)) else None
        caller = await _find_caller(scope, auth.get("token"))
        positions = None if claim is None else await run_in_db(find_positions, caller.user, claim)
        limits.check("connects", user_id=caller.user.pk)
        check_connections(caller.user.pk)
        socket = ChatSocket(connection, caller)
        if claim is not None and positions is not None:
            await _recover(socket, claim, positions)
        if wanted and socket.record is None:
            socket.record = Record.new(socket.sid)
        current_sweeper().add(socket)
        current_presence().enter(ANYWHERE, socket.user_id, socket.sid)
        return socket

    def charge(self, socket: ChatSocket, limit: str) -> None:
        limits.check(limit, user_id=socket.user_id, address=socket.connection.address)
        current_presence().note_activity(socket.user_id)  # of every event: heartbeats do not come here

    def connected(self, socket: ChatSocket) -> None:
        if socket.record is not None:
            current_keeper().add(socket.record.pid)
        current_room_updates().add(socket)
        socket.resume()

    async def disconnect(self, socket: ChatSocket, reason: str) -> None:
        await socket.leave_all()
        if socket.parted and socket.record is not None:
            try:
                await run_in_db(socket.record.forget)
            except DatabaseError as error:
                log.warning("the session of a client that left could not be removed: %s", error)


async def _recover(socket: ChatSocket, claim: Claim, positions: Mapping[int, int]) -> None:
    try:
        await socket.recover(Record(claim.pid, socket.sid), positions)
        check_connections(socket.user_id)  # again: others may have come back meanwhile
    except BaseException:
        await socket.leave_all()
        raise


async def _find_caller(scope: dict[str, Any], token: object) -> Caller:
    if token:
        return await current_token_checks().caller(token)
    return await run_in_db(caller_from_handshake, scope, None)


chat_namespace = ChatNamespace()


def register_event(name: str, handler: Handler, *, limit: str = DEFAULT_LIMIT) -> None:
    """Let clients emit `name`: calls `handler(socket, *arguments)`, where `socket.user` is the caller.

    It is a coroutine function, or a plain one that waits for nothing. The dict it returns becomes the acknowledgement
    `{ok: true, ...}`; a DomainError becomes `{ok: false, error}`.
    """
    chat_namespace.register(name, handler, limit=limit)
