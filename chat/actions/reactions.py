"""Reactions: an emoji put to a message, or taken back. Each raises the version of its message."""

from django.db import transaction

from chat.actions.steps import change_message
from chat.emoji import check_emoji
from chat.errors import Conflict, Forbidden
from chat.models import Membership, Message, Reaction, User
from chat.reactions import EMOJI_PER_MESSAGE, count_reactions
from chat.selectors import access_message


def add_reaction(user: User, *, message_id: object, emoji: object) -> Message:
    """Put the emoji to the message, as a member of its room; announced as `message-updated`. A repeat changes nothing.

    Raises:
        NotFound. Forbidden: not a member. BadInput: not one emoji. Conflict: the message was deleted or is still being
        written, the room is archived, or the message has EMOJI_PER_MESSAGE others already.
    """
    mark = check_emoji(emoji)
    with transaction.atomic(durable=True):
        message = _access_reactable(user, message_id)
        present = {counted["emoji"] for counted in message.reactions}
        if mark not in present and len(present) >= EMOJI_PER_MESSAGE:
            raise Conflict(f"A message can have at most {EMOJI_PER_MESSAGE} different reactions.")
        _, is_new = Reaction.objects.get_or_create(message=message, user=user, emoji=mark)
        return _recount(message) if is_new else message


def remove_reaction(user: User, *, message_id: object, emoji: object) -> Message:
    """Take one's own emoji back; announced as `message-updated`. Where there is none, nothing changes.

    Raises:
        As `add_reaction`.
    """
    mark = check_emoji(emoji)
    with transaction.atomic(durable=True):
        message = _access_reactable(user, message_id)
        removed, _ = Reaction.objects.filter(message=message, user=user, emoji=mark).delete()
        return _recount(message) if removed else message


def _access_reactable(user: User, message_id: object) -> Message:
    message = access_message(user, message_id, lock=True)
    if not Membership.objects.filter(room=message.room, user=user).exists():
        raise Forbidden("Join the room before you react in it.")
    if message.room.archived_at is not None:
        raise Conflict("This room is archived: nothing can be changed in it.")
    if message.deleted_at is not None:
        raise Conflict("This message was deleted.")
    if message.status == Message.Status.STREAMING:
        # Its text is saved once a second only: an update now would take words back from who follows it.
        raise Conflict("This answer is still being written.")
    return message


def _recount(message: Message) -> Message:
    message.reactions = count_reactions(message)
    return change_message(message.room, message, fields=["reactions"])
