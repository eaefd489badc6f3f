"""Every write of chat. One function, one durable transaction; events leave after its commit (docs/architecture.md)."""

from chat.actions.answers import AnswerDraft, begin_draft, change_draft, save_partial
from chat.actions.attachments import (
    remove_unposted_attachments,
    remove_unused_contents,
    upload_attachment,
)
from chat.actions.invitations import (
    INVITATION_LASTS,
    NewInvitation,
    accept_invitation,
    create_invitation,
    revoke_invitations,
)
from chat.actions.memberships import (
    add_member,
    change_role,
    join_room,
    leave_room,
    mark_read,
    remove_member,
)
from chat.actions.messages import Post, Posted, delete_message, edit_message, post_message, post_messages
from chat.actions.reactions import add_reaction, remove_reaction
from chat.actions.rooms import archive_room, create_room, open_direct_room, update_room
from chat.actions.sign_ins import (
    begin_sign_in,
    end_all_sign_ins,
    end_reused_sign_in,
    end_sign_in,
    end_sign_ins,
    hold_sign_in,
)
from chat.actions.socket_sessions import (
    SESSION_LASTS,
    begin_socket_session,
    change_socket_session,
    end_socket_session,
    keep_socket_sessions,
    remove_old_socket_sessions,
    take_over_socket_session,
)
from chat.actions.users import change_password, create_bot, create_user, touch_last_seen

__all__ = [
    "INVITATION_LASTS",
    "SESSION_LASTS",
    "AnswerDraft",
    "NewInvitation",
    "Post",
    "Posted",
    "accept_invitation",
    "add_member",
    "add_reaction",
    "archive_room",
    "begin_draft",
    "begin_sign_in",
    "begin_socket_session",
    "change_draft",
    "change_password",
    "change_role",
    "change_socket_session",
    "create_bot",
    "create_invitation",
    "create_room",
    "create_user",
    "delete_message",
    "edit_message",
    "end_all_sign_ins",
    "end_reused_sign_in",
    "end_sign_in",
    "end_sign_ins",
    "end_socket_session",
    "hold_sign_in",
    "join_room",
    "keep_socket_sessions",
    "leave_room",
    "mark_read",
    "open_direct_room",
    "post_message",
    "post_messages",
    "remove_member",
    "remove_old_socket_sessions",
    "remove_reaction",
    "remove_unposted_attachments",
    "remove_unused_contents",
    "revoke_invitations",
    "save_partial",
    "take_over_socket_session",
    "touch_last_seen",
    "update_room",
    "upload_attachment",
]
