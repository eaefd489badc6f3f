"""Posting, editing and deleting messages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from chat.actions.attachments import drop_attachments, post_attachments
from chat.actions.steps import change_message, require_no_transaction
from chat.counters import counters
from chat.errors import BadInput, Conflict, DomainError, Forbidden, NotFound, PayloadTooLarge
from chat.events import MessagePosted, Wire, publish_committed
from chat.loop_database import Statement, Value, fetch
from chat.markdown import render
from chat.mentions import find_mentions
from chat.models import Mention, Message, Reaction, User
from chat.selectors import (
    NO_ATTACHMENT,
    NO_MESSAGE,
    NO_ROOM,
    NewMessage,
    access_message,
    access_room,
    manages_room,
    message_payload,
    parse_id,
)
from chat.text import clean_text

CLIENT_ID_MAX_CHARACTERS = 64
ATTACHMENTS_MAX = 10
# Group commits send it from their event loop (`chat.main_namespace.group_writer`), all others by a cursor.
POST_MESSAGES = Statement(
    "post_messages",
    "SELECT n, status, id, version, created_at FROM chat_post_messages("
    "$1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::int[], $8::text[])",
)


def check_text(text: object, *, may_be_empty: bool = False) -> str:
    """The text of a message as it will be stored; nothing but space only where it `may_be_empty`.

    Raises:
        BadInput: not a string, or nothing but space.
        PayloadTooLarge: longer than settings.MESSAGE_MAX_CHARACTERS.
    """
    if not isinstance(text, str):
        raise BadInput("A message needs a text.", fields={"text": "must be a string"})
    if len(text) > settings.MESSAGE_MAX_CHARACTERS:
        raise PayloadTooLarge(
            f"A message may have at most {settings.MESSAGE_MAX_CHARACTERS:,} characters; this one has {len(text):,}.",
            fields={"text": "is too long"},
        )
    clean = clean_text(text)
    if not clean and not may_be_empty:
        raise BadInput("A message needs a text.", fields={"text": "must not be empty"})
    return clean


def check_client_id(client_id: object) -> str:
    """The client's own id of a message; one is made where none was sent.

    Raises:
        BadInput: not a string of 1 to 64 printable characters.
    """
    if client_id is None:
        return str(uuid4())
    if (
        not isinstance(client_id, str)
        or not 0 < len(client_id) <= CLIENT_ID_MAX_CHARACTERS
        or not client_id.isprintable()
    ):
        raise BadInput(
            "That clientId cannot be used.",
            fields={"clientId": f"must have 1 to {CLIENT_ID_MAX_CHARACTERS} printable characters"},
        )
    return client_id


def check_attachment_ids(ids: object) -> tuple[int, ...]:
    """The ids of the files a message brings; () for none.

    Raises:
        BadInput: no list, too many, or one of them twice. NotFound: what cannot be an id.
    """
    if ids is None:
        return ()
    if not isinstance(ids, list | tuple) or len(ids) > ATTACHMENTS_MAX:
        reason = f"must be a list of at most {ATTACHMENTS_MAX} ids"
        raise BadInput("These attachments cannot be used.", fields={"attachmentIds": reason})
    numbers = tuple(parse_id(one, NO_ATTACHMENT) for one in ids)
    if len(set(numbers)) < len(numbers):
        raise BadInput(
            "These attachments cannot be used.", fields={"attachmentIds": "must name each file once"}
        )
    return numbers


@dataclass(frozen=True, slots=True)
class Post:
    """A message to be posted, checked and rendered. Make it with `Post.checked`."""

    author: User
    room_id: int
    client_id: str
    text: str
    html: str = field(repr=False)
    parent_id: int | None = None
    attachment_ids: tuple[int, ...] = ()

    @classmethod
    def checked(
        cls,
        author: User,
        room_id: object,
        text: object,
        *,
        client_id: object = None,
        parent_id: object = None,
        attachment_ids: object = None,
    ) -> "Post":
        """Parse what a client sent. Only a message that brings files needs no text.

        Raises:
            BadInput, PayloadTooLarge, NotFound: as `check_text`, `check_client_id`, `check_attachment_ids`, `parse_id`.
        """
        files = check_attachment_ids(attachment_ids)
        clean = check_text(text, may_be_empty=bool(files))
        return cls(
            author,
            parse_id(room_id, NO_ROOM),
            check_client_id(client_id),
            clean,
            render(clean) if clean else "",
            None if parent_id is None else parse_id(parent_id, NO_MESSAGE),
            files,
        )


Row = tuple[int, str, int, int, datetime]  # of the SQL function: n, status, id, version, created_at


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of a post: `payload` is the stored message's wire form, or `error` says why there is none.

    `is_new` is false for a retry.
    """

    payload: Wire | None
    error: DomainError | None
    is_new: bool


def _refusal(user: User, post: Post, status: str) -> DomainError:
    match status:
        case "archived":
            return Conflict("This room is archived: nothing can be posted in it.")
        case "no parent":
            return NotFound(NO_MESSAGE)
        case "conflict":
            return Conflict(
                "This clientId was used for a message in another room.", fields={"clientId": "is taken"}
            )
    try:
        access_room(user, post.room_id)
    except NotFound as error:
        return error
    return Forbidden("Join the room before you post in it.")


def post_columns(posts: Sequence[Post]) -> list[list[Value]]:
    """The parameters of `POST_MESSAGES` for posts without files."""
    mentions = [(n, name) for n, post in enumerate(posts, 1) for name in find_mentions(post.text)]
    return [
        [post.author.pk for post in posts],
        [post.room_id for post in posts],
        [post.client_id for post in posts],
        [post.text for post in posts],
        [post.html for post in posts],
        [post.parent_id for post in posts],
        [n for n, _ in mentions],
        [name for _, name in mentions],
    ]


def _message(post: Post, row: Row, files: list[Wire]) -> Message:
    _, _, pk, version, created_at = row
    return Message(
        pk=pk,
        room_id=post.room_id,
        author=post.author,
        client_id=post.client_id,
        text=post.text,
        html=post.html,
        parent_id=post.parent_id,
        version=version,
        posted_version=version,
        created_at=created_at,
        attachments=files,
    )


def post_messages(posts: Sequence[Post]) -> list[Posted]:
    """Store the posts in the order given, and announce them. The hot write of the program.

    Those that bring no files are stored together, in one transaction; each of the others in its own.
    The author must be a member of the room. Bots named in a text get their job in the same transaction. A post that is
    refused does not fail its neighbours. A retry (same author and client id) gives the message that was stored first,
    and announces it once more: the first try may have been cut off between its commit and that. Whoever heard of it
    drops it by its version.

    Returns:
        one `Posted` for each post, in order.
    """
    results: list[Posted] = []
    for has_files, group in groupby(posts, key=lambda post: bool(post.attachment_ids)):
        some = list(group)
        if has_files:
            results += [_post_with_files(post) for post in some]
        else:
            results += [_posted(post, row) for post, row in zip(some, _store(some), strict=True)]
    _tell(results)
    return results


def tell_posted(posts: Sequence[Post], rows: Sequence[Row]) -> list[Posted]:
    """What `post_messages` gives, and announces, where `POST_MESSAGES` was sent by other means and gave these rows.

    The database is asked again for those that are not new only.
    """
    results = [_posted(post, row) for post, row in zip(posts, rows, strict=True)]
    _tell(results)
    return results


def _tell(results: Sequence[Posted]) -> None:
    publish_committed(*(MessagePosted(one.payload) for one in results if one.payload is not None))
    counters.count_posted(sum(posted.is_new for posted in results))


def _store(posts: Sequence[Post]) -> list[Row]:
    """The one statement is the transaction: BEGIN and COMMIT would be two more round trips, with the room locked."""
    require_no_transaction()
    return _run(posts)


def _run(posts: Sequence[Post]) -> list[Row]:
    return fetch(POST_MESSAGES, *post_columns(posts))


def _store_with_files(post: Post) -> tuple[Row, list[Wire]]:
    """The row, and the wire forms of the files of a new message.

    Raises:
        NotFound: one of the files; then there is no message either.
    """
    with transaction.atomic(durable=True):
        [row] = _run([post])
        if row[1] != "new":
            return row, []
        return row, post_attachments(
            row[2], post.author, room_id=post.room_id, attachment_ids=post.attachment_ids
        )


def _post_with_files(post: Post) -> Posted:
    try:
        row, files = _store_with_files(post)
    except NotFound as error:
        return Posted(None, error, False)
    return _posted(post, row, files)


def _posted(post: Post, row: Row, files: Sequence[Wire] = ()) -> Posted:
    match row[1]:
        case "new":
            return Posted(_payload(post, row, files), None, True)
        case "again":
            return Posted(message_payload(_stored_message(row[2])), None, False)
        case status:
            return Posted(None, _refusal(post.author, post, status), False)


def _payload(post: Post, row: Row, files: Sequence[Wire]) -> Wire:
    _, _, pk, version, created_at = row
    new = NewMessage(
        pk=pk,
        room_id=post.room_id,
        version=version,
        author=post.author,
        client_id=post.client_id,
        text=post.text,
        html=post.html,
        parent_id=post.parent_id,
        attachments=list(files),
        created_at=created_at,
    )
    return message_payload(new)


def _stored_message(message_id: int) -> Message:
    return Message.objects.select_related("author").get(pk=message_id)


def post_message(
    user: User,
    *,
    room_id: object,
    text: object,
    client_id: object = None,
    parent_id: object = None,
    attachment_ids: object = None,
) -> Message:
    """Post one message as `user`; a retry with the same client id gives the first one back.

    Raises:
        NotFound, Forbidden, BadInput, PayloadTooLarge, Conflict.
    """
    post = Post.checked(
        user, room_id, text, client_id=client_id, parent_id=parent_id, attachment_ids=attachment_ids
    )
    row, files = _store_with_files(post) if post.attachment_ids else (_store([post])[0], [])
    if row[1] not in ("new", "again"):
        raise _refusal(user, post, row[1])
    message = _message(post, row, files) if row[1] == "new" else _stored_message(row[2])
    publish_committed(MessagePosted(message_payload(message)))
    counters.count_posted(row[1] == "new")
    return message


def edit_message(user: User, *, message_id: object, text: object) -> Message:
    """Replace the text of one's own message. Mentions are taken anew; no bot is called again.

    Raises:
        NotFound, Forbidden: not the author. Conflict: deleted, or the room is archived. BadInput,
        PayloadTooLarge: the text.
    """
    clean = check_text(text)
    html = render(clean)
    with transaction.atomic(durable=True):
        message = access_message(user, message_id, lock=True)
        if message.author_id != user.pk or message.kind != Message.Kind.PERSON:
            raise Forbidden("Only the author can edit a message.")
        if message.deleted_at is not None:
            raise Conflict("This message was deleted.")
        if message.room.archived_at is not None:
            raise Conflict("This room is archived: nothing can be changed in it.")
        message.text, message.html = clean, html
        Mention.objects.filter(message=message).delete()
        people = User.objects.alias(name=Lower("username")).filter(name__in=find_mentions(clean))
        named = people.filter(
            Q(is_bot=True) | Q(memberships__room=message.room_id), is_active=True
        ).distinct()
        Mention.objects.bulk_create([Mention(message=message, user=person) for person in named])
        return change_message(message.room, message, fields=["text", "html"], edited=True)


def delete_message(user: User, *, message_id: object) -> Message:
    """Take a message's words, files and reactions away; its place stays.

    By its author, an owner or moderator of the room, or an admin.

    Raises:
        NotFound, Forbidden. A message deleted before is given back unchanged.
    """
    with transaction.atomic(durable=True):
        message = access_message(user, message_id, lock=True)
        if message.deleted_at is not None:
            return message
        if message.author_id != user.pk and not manages_room(user, message.room):
            raise Forbidden("Only the author or a moderator can delete a message.")
        message.text = message.html = ""
        message.citations, message.reactions, message.attachments = [], [], []
        message.deleted_at = timezone.now()
        Mention.objects.filter(message=message).delete()
        Reaction.objects.filter(message=message).delete()
        drop_attachments(message)
        changed = ["text", "html", "citations", "reactions", "attachments", "deleted_at"]
        return change_message(message.room, message, fields=changed)
