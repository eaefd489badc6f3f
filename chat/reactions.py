"""What the reactions to a message come to, for everybody and for one reader.

`Message.reactions` holds it in wire form, `[{emoji, count, userIds}]`, by the time of each emoji's first reaction. It
is a column of the message, written with the rows: every reader of a message needs it (pages, replays, events,
GraphQL) and few messages have any. So reading costs no query, posting nothing, and an event is the same for all.
"""

from collections.abc import Iterable
from typing import Any

from django.db import connection

from chat.models import Message, Reaction, User

EMOJI_PER_MESSAGE = 20
USERS_LISTED = (
    100  # per emoji: an event names so many users, whatever the room's size; `count` counts them all
)

_COUNT_SQL = """
    SELECT emoji, count(*), (array_agg(user_id::text ORDER BY id))[1:%s]
    FROM chat_reaction WHERE message_id = %s GROUP BY emoji ORDER BY min(id)"""


def count_reactions(message: Message) -> list[dict[str, Any]]:
    """The wire form of the message's reactions, from their rows. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_SQL, [USERS_LISTED, message.pk])
        return [{"emoji": emoji, "count": n, "userIds": ids} for emoji, n, ids in cursor.fetchall()]


def is_own(counted: dict[str, Any], user: User) -> bool | None:
    """Whether `user` is among who reacted with an emoji; None where more reacted than are listed, without the user."""
    if str(user.pk) in counted["userIds"]:
        return True
    return None if counted["count"] > len(counted["userIds"]) else False


def own_reactions(user: User, messages: Iterable[Message]) -> set[tuple[int, str]]:
    """The (message id, emoji) that `user` reacted with. A query only where `is_own` cannot tell."""
    known = {(m.pk, counted["emoji"]): is_own(counted, user) for m in messages for counted in m.reactions}
    own = {key for key, is_users in known.items() if is_users}
    if unsure := {pk for (pk, _), is_users in known.items() if is_users is None}:
        rows = Reaction.objects.filter(message__in=unsure, user=user)
        own |= set(rows.values_list("message_id", "emoji"))
    return own
