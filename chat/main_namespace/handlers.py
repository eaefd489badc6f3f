"""What each event of a client does (docs/events.md).

A handler parses its arguments, awaits one action and gives the fields of the acknowledgement. Other apps add events of
their own with `chat.main_namespace.namespace.register_event`.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, ParamSpec, TypeVar

from chat import actions
from chat.access.room_access import current_room_access
from chat.access.token_checks import current_token_checks
from chat.actions import Post
from chat.database import run_in_db
from chat.errors import BadInput, Forbidden, NotFound
from chat.live.offsets import NUMBER_MAX
from chat.live.presence import current_presence
from chat.main_namespace.group_writer import submit_post
from chat.main_namespace.namespace import register_event
from chat.main_namespace.recovery import TakenOver
from chat.main_namespace.socket import ChatSocket
from chat.models import Room
from chat.selectors import NO_ROOM, message_payload, parse_id, room_payload
from chat.sockets.namespaces import DEFAULT_LIMIT, Handler, Later, Reply, Wire

P = ParamSpec("P")
R = TypeVar("R")
RENDER_INLINE_MAX_CHARACTERS = 1000  # longer texts take milliseconds to render: not on the event loop


def _object(value: object, name: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadInput("An argument has the wrong type.", fields={name: "must be an object"})
    return value


def _version(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= NUMBER_MAX:
        raise BadInput("An argument has the wrong type.", fields={name: "must be a version (a whole number)"})
    return value


async def _enter_room(socket: ChatSocket, room_id: int, since: int | None) -> Room:
    """The room, with membership where it is public and open to everyone; noted in the client's record."""
    access = await current_room_access().find(socket.user_id, room_id)
    if access is None:
        raise NotFound(NO_ROOM)
    room = access.room
    if not access.is_member and room.archived_at is None:  # so it is public, and the user no guest
        room = await run_in_db(actions.join_room, socket.user, room_id=room_id)
    if socket.record is not None:
        version = room.version if since is None else min(since, room.version)
        await _run_for_record(socket, socket.record.note_join, socket.user, room_id, version)
    return room


async def _run_for_record(
    socket: ChatSocket, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """`run_in_db` of what writes the client's record. A connection that the client has replaced is closed."""
    try:
        return await run_in_db(function, *args, **kwargs)
    except TakenOver:
        socket.session.close("taken over")
        raise


async def join_room(socket: ChatSocket, room_id: object, options: object = None) -> Reply:
    """`join-room roomId[, {since}]`: the live feed, after what was missed since that version."""
    number = parse_id(room_id, NO_ROOM)
    since = _object(options, "options").get("since")
    if since is not None:
        _version(since, "since")
    # The feed collects before the database is read, so nothing falls between the two.
    feed = await socket.open_feed(number)
    try:
        room = await _enter_room(socket, number, since)
        payload = room_payload(room)
    except BaseException:
        await socket.close_feed(number)
        raise
    presence = current_presence()
    presence.enter(number, socket.user_id, socket.sid)
    online = await presence.users_in(number)  # shared with others
    if socket.user_id not in online:  # Redis has not been told yet
        online = sorted([*online, socket.user_id])
    if feed.is_closed:  # access was lost after it was checked
        raise NotFound(NO_ROOM)

    def begin() -> None:
        if since is None:
            feed.start(room.version)
        else:
            feed.replay(since, room.version)

    return Reply({"room": payload, "version": room.version, "online": [str(pk) for pk in online]}, begin)


async def leave_room(socket: ChatSocket, room_id: object) -> Wire:
    """`leave-room roomId`: the live feed ends; membership stays."""
    number = parse_id(room_id, NO_ROOM)
    await socket.close_feed(number)
    if socket.record is not None and number in socket.record.rooms:
        await _run_for_record(socket, socket.record.note_leave, number)
    return {}


def send_message(socket: ChatSocket, room_id: object, content: object) -> Later | Coroutine[Any, Any, Later]:
    """`send-message roomId, text | {text, clientId, parentId, attachmentIds}`: the stored message.

    The next event of this client, often another message, does not wait for the commit.
    """
    options = {"text": content} if isinstance(content, str) else _object(content, "message")
    text = options.get("text")
    names = (("client_id", "clientId"), ("parent_id", "parentId"), ("attachment_ids", "attachmentIds"))
    values = {name: options.get(sent) for name, sent in names}
    check = partial(Post.checked, socket.user, room_id, text, **values)
    if isinstance(text, str) and len(text) > RENDER_INLINE_MAX_CHARACTERS:
        return _send_long(check)
    return Later("message", submit_post(check()))


async def _send_long(check: Callable[[], Post]) -> Later:
    return Later("message", submit_post(await asyncio.to_thread(check)))


async def edit_message(socket: ChatSocket, message_id: object, text: object) -> Wire:
    """`edit-message messageId, text`: the message under its new version."""
    message = await run_in_db(actions.edit_message, socket.user, message_id=message_id, text=text)
    return {"message": message_payload(message)}


async def delete_message(socket: ChatSocket, message_id: object) -> Wire:
    """`delete-message messageId`: the message without its words."""
    message = await run_in_db(actions.delete_message, socket.user, message_id=message_id)
    return {"message": message_payload(message)}


async def react(socket: ChatSocket, message_id: object, emoji: object) -> Wire:
    """`react messageId, emoji`: the message with the reaction counted."""
    message = await run_in_db(actions.add_reaction, socket.user, message_id=message_id, emoji=emoji)
    return {"message": message_payload(message)}


async def unreact(socket: ChatSocket, message_id: object, emoji: object) -> Wire:
    """`unreact messageId, emoji`: the message without one's own reaction."""
    message = await run_in_db(actions.remove_reaction, socket.user, message_id=message_id, emoji=emoji)
    return {"message": message_payload(message)}


async def mark_read(socket: ChatSocket, room_id: object, version: object) -> Wire:
    """`mark-read roomId, version`: how many messages remain unread."""
    number = _version(version, "version")
    return {"unread": await run_in_db(actions.mark_read, socket.user, room_id=room_id, version=number)}


async def typing(socket: ChatSocket, room_id: object, is_typing: object) -> None:
    """`typing roomId, true|false`: shown to the others for a few seconds; only in a room that was joined."""
    number = parse_id(room_id, NO_ROOM)
    if not isinstance(is_typing, bool):
        raise BadInput("An argument has the wrong type.", fields={"typing": "must be true or false"})
    if number not in socket.room_ids():
        raise Forbidden("Join the room first.")
    await socket.set_typing(number, is_typing)


async def renew_token(socket: ChatSocket, options: object) -> Wire:
    """`renew-token {token}`: the connection lives on with a new access token of the same user."""
    caller = await current_token_checks().caller(_object(options, "options").get("token"))
    if caller.user.pk != socket.user_id:
        raise Forbidden("That token belongs to somebody else.")
    socket.caller = caller
    return {}


_HANDLERS: dict[str, Handler] = {
    "join-room": join_room,
    "leave-room": leave_room,
    "send-message": send_message,
    "edit-message": edit_message,
    "delete-message": delete_message,
    "react": react,
    "unreact": unreact,
    "mark-read": mark_read,
    "typing": typing,
    "renew-token": renew_token,
}
_LIMITS = {
    "join-room": "joins",
    "leave-room": "joins",
    "send-message": "messages",
    "mark-read": "reads",
    "typing": "typing",
    "renew-token": "connects",
}


def register() -> None:
    """Add the events to the namespace. Called once, where it is mounted (`chat.routing`)."""
    for name, handler in _HANDLERS.items():
        register_event(name, handler, limit=_LIMITS.get(name, DEFAULT_LIMIT))
