"""What Socket.IO clients may ask of answers (docs/events.md)."""

from typing import TYPE_CHECKING, Any

from chat.database import run_in_db
from chat.main_namespace.namespace import register_event
from rag.actions import stop_message

if TYPE_CHECKING:
    from chat.main_namespace.socket import ChatSocket


async def stop_answer(socket: "ChatSocket", message_id: object) -> dict[str, Any]:
    """`stop-answer` messageId: the worker ends the answer with what is there; a finished one stays as it is."""
    await run_in_db(stop_message, socket.user, message_id=message_id)
    return {}


def register() -> None:
    """Add the events to chat's namespace."""
    register_event("stop-answer", stop_answer)
