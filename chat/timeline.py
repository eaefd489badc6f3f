"""Messages as a page shows them: under their days, those of one author within a few minutes as one block."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from chat.models import Membership, Message, User
from chat.reactions import Chip, reaction_chips
from chat.selectors import is_manager, message_payload

SAME_BLOCK = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Row:
    """One message of a page: its wire form, its reactions as the viewer sees them, and its place among its neighbours.

    `place` is the cursor of "earlier than this"; `is_continued` says that author and time stand above it already.
    """

    message: dict[str, Any]
    chips: list[Chip]
    created_at: datetime
    place: int
    starts_day: bool
    is_continued: bool
    is_first_unread: bool
    is_own: bool
    may_control: bool


def timeline_rows(messages: Sequence[Message], viewer: User, membership: Membership | None) -> list[Row]:
    """Rows for messages given oldest first. The first one not yet read is marked; a visitor has none."""
    askers = _askers(messages)
    chips = reaction_chips(messages, viewer)
    everything = is_manager(viewer, membership)
    rows: list[Row] = []
    previous: Message | None = None
    unread_begun = membership is None
    for message in messages:
        first_unread = not unread_begun and _is_unread(message, viewer, membership)
        unread_begun = unread_begun or first_unread
        starts_day = previous is None or _day(previous) != _day(message)
        continued = not starts_day and not first_unread and _continues(message, previous)
        rows.append(
            Row(
                message_payload(message),
                chips.get(message.pk, []),
                message.created_at,
                message.posted_version,
                starts_day,
                continued,
                first_unread,
                message.author_id == viewer.pk,
                everything or askers.get(message.parent_id) == viewer.pk,
            )
        )
        previous = message
    return rows


def _askers(messages: Sequence[Message]) -> dict[int | None, int]:
    """Who asked the questions of the unfinished answers, by the question's id. No query where there are none."""
    asked = {m.parent_id for m in messages if m.parent_id and m.status != Message.Status.FINAL}
    if not asked:
        return {}
    return dict(Message.objects.filter(pk__in=asked).values_list("pk", "author_id"))


def _day(message: Message) -> object:
    return timezone.localtime(message.created_at).date()


def _is_unread(message: Message, viewer: User, membership: Membership | None) -> bool:
    return (
        membership is not None
        and message.posted_version > membership.last_read_version
        and message.author_id != viewer.pk
    )


def _continues(message: Message, previous: Message | None) -> bool:
    return (
        previous is not None
        and previous.author_id == message.author_id
        and Message.Kind.SYSTEM not in (previous.kind, message.kind)
        and message.created_at - previous.created_at < SAME_BLOCK
    )
