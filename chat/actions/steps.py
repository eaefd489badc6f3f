"""Steps that actions share. Each refuses to run outside a transaction and leaves its event to the commit."""

from django.db import transaction
from django.db.models.functions import Now
from django.utils.crypto import get_random_string
from django.utils.html import escape

from chat.events import MessagePosted, MessageUpdated, publish_on_commit
from chat.markdown import render
from chat.models import Message, Room, User
from chat.selectors import message_payload


def require_transaction() -> None:
    """Raises RuntimeError outside a transaction: a step is only part of an action."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("a step must run inside an action's transaction")


def require_no_transaction() -> None:
    """Raises RuntimeError inside a transaction, as `atomic(durable=True)` does: for actions of a single statement."""
    if transaction.get_connection().in_atomic_block:
        with transaction.atomic(
            durable=True
        ):  # Django's own check, which knows the transaction around a test
            pass


def lock_room(room_id: int) -> Room:
    """The room under its row lock. Locks are taken in a fixed order: room, then message."""
    require_transaction()
    return Room.objects.select_for_update(no_key=True).get(pk=room_id)


def raise_version(room: Room) -> int:
    """The room's next version; the room's lock must be held."""
    require_transaction()
    room.version += 1
    room.save(update_fields=["version"])
    return room.version


def add_message(
    room: Room, author: User, text: str, *, kind: str, status: str, parent: Message | None = None
) -> Message:
    """Store a message that no client sent (an answer's draft, a system message) and announce it as posted."""
    version = raise_version(room)
    message = Message(
        room=room,
        author=author,
        kind=kind,
        status=status,
        text=text,
        html=render(text) if kind != Message.Kind.SYSTEM else escape(text),  # names are no Markdown
        parent=parent,
        client_id=f"{kind}-{get_random_string(24)}",
        version=version,
        posted_version=version,
    )
    message.save()
    message.refresh_from_db(fields=["created_at"])
    publish_on_commit(MessagePosted(message_payload(message)))
    return message


def say(room: Room, user: User, text: str) -> None:
    """Note a change of the room in it: a system message by who made the change. The room's lock must be held."""
    add_message(room, user, text, kind=Message.Kind.SYSTEM, status=Message.Status.FINAL)


def change_message(room: Room, message: Message, *, fields: list[str], edited: bool = False) -> Message:
    """Store the named changed fields of a message under a new version and announce it as updated."""
    message.version = raise_version(room)
    changed = [*fields, "version"]
    message.save(update_fields=changed)
    if edited:
        Message.objects.filter(pk=message.pk).update(edited_at=Now())
        message.refresh_from_db(fields=["edited_at"])
    publish_on_commit(MessageUpdated(message_payload(message)))
    return message
