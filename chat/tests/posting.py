"""Posting from the coroutine of a test, past any socket."""

from chat import actions
from chat.database import run_in_db
from chat.models import Message, Room, User


async def post(user: User, room: Room, text: str) -> Message:
    return await run_in_db(actions.post_message, user, room_id=room.pk, text=text)


async def post_all(user: User, room: Room, *texts: str) -> list[Message]:
    """The messages, in the order of their texts."""
    return [await post(user, room, text) for text in texts]
