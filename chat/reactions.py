"""What the reactions to a message come to, for everybody and for one reader.

`Message.reactions` holds it in wire form, `[{emoji, count, userIds}]`, by the time of each emoji's first reaction. It
is a column of the message, written with the rows: every reader of a message needs it (pages, replays, events,
GraphQL) and few messages have any. So reading costs no query, posting nothing, and an event is the same for all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from chat.models import Message, Reaction, User
from chat.selectors import users_by_id

EMOJI_PER_MESSAGE = 20
# Per emoji: an event names so many users, whatever the room's size; `count` counts them all.
USERS_LISTED = 100
NAMES_SHOWN = 8  # of those who reacted, where a page says who did; reactions.js has the same number
# What the picker offers, with names.
FREQUENT = (
    ("👍", "Thumbs up"),
    ("👎", "Thumbs down"),
    ("❤️", "Heart"),
    ("🎉", "Celebrate"),
    ("😂", "Laugh"),
    ("🙂", "Smile"),
    ("🙏", "Thank you"),
    ("👏", "Applause"),
    ("👀", "Looking into it"),
    ("✅", "Done"),
    ("❌", "No"),
    ("❓", "Question"),
    ("💡", "Idea"),
    ("🤔", "Thinking"),
    ("💯", "Exactly"),
    ("🔥", "Fire"),
    ("🚀", "Rocket"),
    ("😍", "Love it"),
    ("😮", "Surprised"),
    ("😢", "Sad"),
    ("😅", "Phew"),
    ("🙌", "Hooray"),
    ("👋", "Wave"),
    ("☕", "Coffee"),
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


@dataclass(frozen=True, slots=True)
class Chip:
    """One emoji under a message as a page shows it. `who` names people: "You, Grace and 2 others"."""

    emoji: str
    count: int
    is_own: bool
    who: str


def reaction_chips(messages: Sequence[Message], viewer: User) -> dict[int, list[Chip]]:
    """The chips of each message that has any, by its id. One query for the names; none without reactions."""
    own = own_reactions(viewer, messages)
    shown = {
        user_id
        for message in messages
        for counted in message.reactions
        for user_id in counted["userIds"][: NAMES_SHOWN + 1]  # one of them may be the viewer
    }
    names = {str(pk): str(user) for pk, user in users_by_id(map(int, shown)).items()} if shown else {}
    names.pop(str(viewer.pk), None)
    return {
        message.pk: [
            Chip(counted["emoji"], counted["count"], is_own, _who(counted, is_own, names))
            for counted in message.reactions
            for is_own in [(message.pk, counted["emoji"]) in own]
        ]
        for message in messages
        if message.reactions
    }


def _who(counted: dict[str, Any], is_own: bool, names: dict[str, str]) -> str:
    others = [names[user_id] for user_id in counted["userIds"] if user_id in names]
    people = [*(["You"] if is_own else []), *others][:NAMES_SHOWN]
    rest = counted["count"] - len(people)
    if rest:
        people.append("1 other" if rest == 1 else f"{rest} others")
    return " and ".join(filter(None, (", ".join(people[:-1]), people[-1])))
