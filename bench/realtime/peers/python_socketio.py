"""python-socketio as its documentation shows it: what one client says, everybody in the room gets."""

import os
from collections import Counter
from typing import Any

import jwt
import socketio

server = socketio.AsyncServer(async_mode="asgi")
app = socketio.ASGIApp(server)
_versions: Counter[str] = Counter()


@server.event
async def connect(sid: str, environ: dict[str, Any], auth: dict[str, Any]) -> None:
    """Take whoever has a token that holds."""
    try:
        jwt.decode(auth["token"], os.environ["SECRET_KEY"], algorithms=["HS256"])
    except jwt.InvalidTokenError as error:
        raise socketio.exceptions.ConnectionRefusedError("unauthenticated") from error


@server.on("join-room")
async def join_room(sid: str, room_id: str) -> dict[str, Any]:
    """Join; the answer is the acknowledgement."""
    await server.enter_room(sid, room_id)
    return {"ok": True, "version": _versions[room_id]}


@server.on("broadcast")
async def broadcast(sid: str, room_id: str, text: str) -> None:
    """Tell everybody in the room."""
    _versions[room_id] += 1
    message = {"roomId": room_id, "version": _versions[room_id], "text": text}
    await server.emit("new-message", message, room=room_id)
