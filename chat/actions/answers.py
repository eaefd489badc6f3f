"""Steps for bots that answer: a draft message appears, grows, and becomes final. Called inside the bot's own action."""

from dataclasses import dataclass
from typing import Any

from chat.actions.steps import add_message, change_message, lock_room, require_transaction
from chat.markdown import render
from chat.models import Message, User


@dataclass(frozen=True, slots=True)
class AnswerDraft:
    """The state a draft is to be in. `citations` are wire dicts (contract); `error` is (code, message) of a failure."""

    text: str
    status: str
    citations: tuple[dict[str, Any], ...] = ()
    error: tuple[str, str] | None = None
    delta_index: int = 0


def begin_draft(question: Message, bot: User) -> Message:
    """Post the empty, streaming message that will hold the answer. A step: needs the caller's transaction."""
    room = lock_room(question.room_id)
    kind, status = Message.Kind.ANSWER, Message.Status.STREAMING
    return add_message(room, bot, "", kind=kind, status=status, parent=question)


def change_draft(message_id: int, draft: AnswerDraft) -> Message:
    """Bring the message into the state of `draft` under a new version and announce it. A step."""
    room_id = Message.objects.values_list("room_id", flat=True).get(pk=message_id)
    room = lock_room(room_id)
    message = (
        Message.objects.select_for_update(no_key=True, of=("self",))
        .select_related("author")
        .get(pk=message_id)
    )
    urls = {citation["number"]: citation["url"] for citation in draft.citations}
    message.text, message.html, message.status = (
        draft.text,
        render(draft.text, urls, links_in_full=True),
        draft.status,
    )
    message.citations, message.delta_index = list(draft.citations), draft.delta_index
    message.error_code, message.error_message = draft.error or ("", "")
    if message.deleted_at is not None:  # somebody deleted it while it grew: its words stay away
        message.text, message.html, message.citations = "", "", []
    fields = ["text", "html", "status", "citations", "delta_index", "error_code", "error_message"]
    return change_message(room, message, fields=fields)


def save_partial(message_id: int, *, text: str, delta_index: int) -> bool:
    """Keep what has been streamed so far, without a version: a client that joins now starts from here. A step.

    Returns:
        false if the message is no longer streaming.
    """
    require_transaction()
    running = Message.objects.filter(pk=message_id, status=Message.Status.STREAMING, deleted_at=None)
    return running.update(text=text, html=render(text, links_in_full=True), delta_index=delta_index) == 1
