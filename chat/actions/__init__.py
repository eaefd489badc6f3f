"""Every write of chat. One function, one durable transaction; events leave after its commit (docs/architecture.md)."""

from chat.actions.answers import AnswerDraft, begin_draft, change_draft, save_partial
from chat.actions.messages import Post, Posted, delete_message, edit_message, post_message, post_messages
from chat.actions.rooms import (
    add_member,
    archive_room,
    create_room,
    join_room,
    leave_room,
    mark_read,
    open_direct_room,
    remove_member,
    update_room,
)
from chat.actions.users import create_bot, create_user, touch_last_seen

__all__ = [
    "AnswerDraft",
    "Post",
    "Posted",
    "add_member",
    "archive_room",
    "begin_draft",
    "change_draft",
    "create_bot",
    "create_room",
    "create_user",
    "delete_message",
    "edit_message",
    "join_room",
    "leave_room",
    "mark_read",
    "open_direct_room",
    "post_message",
    "post_messages",
    "remove_member",
    "save_partial",
    "touch_last_seen",
    "update_room",
]
