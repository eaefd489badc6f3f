"""What events are called, between processes and on the wire (docs/events.md). Pure.

`chat.events` says what each carries.
"""

NEW_MESSAGE = "new-message"
MESSAGE_UPDATED = "message-updated"
MESSAGE_DELTA = "message-delta"
USER_JOINED = "user-joined"
USER_LEFT = "user-left"
TYPING = "typing"
MEMBERSHIPS_CHANGED = "memberships-changed"

# These carry a version of their room: they are handed on in the order of versions.
VERSIONED = frozenset({NEW_MESSAGE, MESSAGE_UPDATED})
# These are not told to the user whom they are about.
ABOUT_A_USER = frozenset({USER_JOINED, USER_LEFT, TYPING})
