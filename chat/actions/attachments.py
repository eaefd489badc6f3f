"""Files for messages: uploaded first, by who then posts the message that brings them.

Contents lie in the file storage in a folder of their own (`chat.files`); a row of Attachment says who may read one.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import IO

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from chat.actions.steps import require_transaction
from chat.attachment_types import HEAD_BYTES, clean_filename, media_type_of
from chat.errors import BadInput, Conflict, Forbidden, NotFound, PayloadTooLarge
from chat.events import Wire
from chat.files import (
    Content,
    TooManyBytes,
    delete_content,
    lock_content,
    read_content,
    store_content,
    stored_names,
)
from chat.models import Attachment, Membership, Message, User
from chat.selectors import NO_ATTACHMENT, access_room, attachment_payload

FOLDER = "attachments"
# An upload whose message was not posted by then is given up; a file without a row may be about to get one.
KEEP_UNPOSTED, KEEP_UNUSED_FILES = timedelta(days=1), timedelta(hours=1)
_ROWS_PER_TRANSACTION = 500
_MEGABYTE = 1024 * 1024


def upload_attachment(user: User, *, room_id: object, file: IO[bytes], filename: str) -> Attachment:
    """A file that the user can post with one message of the room, within a day; until then only he or she reads it.

    Args:
        file: readable and seekable, in bytes.

    Raises:
        NotFound: the room. Forbidden: not a member. Conflict: the room is archived. BadInput: an empty file.
        PayloadTooLarge: over settings.UPLOAD_MAX_BYTES, or more than settings.ATTACHMENTS_MAX_BYTES of the user's.
    """
    room = access_room(user, room_id)
    if room.archived_at is not None:
        raise Conflict("This room is archived: nothing can be posted in it.")
    if not Membership.objects.filter(room=room, user=user).exists():
        raise Forbidden("Join the room before you post in it.")
    name = clean_filename(filename)
    content = _read(file)
    with transaction.atomic(durable=True):
        _require_space(user, content.size_bytes)
        return Attachment.objects.create(
            owner=user,
            room=room,
            filename=name,
            media_type=media_type_of(content.head, name),
            size_bytes=content.size_bytes,
            file=store_content(file, content, FOLDER),
        )


def _read(file: IO[bytes]) -> Content:
    try:
        content = read_content(file, max_bytes=settings.UPLOAD_MAX_BYTES, head_bytes=HEAD_BYTES)
    except TooManyBytes:
        limit = f"{settings.UPLOAD_MAX_BYTES // _MEGABYTE} MB"
        raise PayloadTooLarge(
            f"A file may have at most {limit}.", fields={"file": f"must be at most {limit}"}
        ) from None
    if not content.size_bytes:
        raise BadInput("This file is empty.", fields={"file": "must not be empty"})
    return content


def _require_space(user: User, size_bytes: int) -> None:
    """The user's row lock makes uploads of one user wait for each other: together they keep to the limit, too."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    used = Attachment.objects.filter(owner=user).aggregate(total=Sum("size_bytes"))["total"] or 0
    if used + size_bytes > settings.ATTACHMENTS_MAX_BYTES:
        limit = settings.ATTACHMENTS_MAX_BYTES // _MEGABYTE
        raise PayloadTooLarge(
            f"Your files in messages come to more than {limit} MB with this one. Delete messages with files first.",
            fields={"file": "is more than your files may come to"},
        )


def post_attachments(
    message_id: int, user: User, *, room_id: int, attachment_ids: Sequence[int]
) -> list[Wire]:
    """Put the user's uploads to a message of the same transaction. A step; gives their wire forms, in that order.

    Raises:
        NotFound: one is not there, somebody else's, another room's, or was posted already.
    """
    require_transaction()
    waiting = Attachment.objects.select_for_update().filter(owner=user, room_id=room_id, message=None)
    found = {one.pk: one for one in waiting.filter(pk__in=attachment_ids).order_by("pk")}
    if len(found) != len(attachment_ids):
        raise NotFound(NO_ATTACHMENT)
    Attachment.objects.filter(pk__in=found).update(message=message_id)
    payloads = [attachment_payload(found[pk]) for pk in attachment_ids]
    Message.objects.filter(pk=message_id).update(attachments=payloads)
    return payloads


def drop_attachments(message: Message) -> None:
    """Remove a message's files: nobody reads them from the commit on. A step."""
    require_transaction()
    attachments = Attachment.objects.filter(message=message)
    names = set(attachments.values_list("file", flat=True))
    attachments.delete()
    for name in names:
        transaction.on_commit(partial(_delete_own_content, name), robust=True)


def _delete_own_content(name: str) -> None:
    with transaction.atomic():
        _delete_if_unused(name)


def _delete_if_unused(name: str) -> bool:
    lock_content(name)
    if Attachment.objects.filter(file=name).exists():
        return False
    delete_content(name)
    return True


def remove_unposted_attachments(*, keep: timedelta = KEEP_UNPOSTED) -> int:
    """Give up uploads that no message brought within `keep`; their contents go with `remove_unused_contents`.

    Returns:
        how many; a part of those there are, so ask again until it is 0.
    """
    with transaction.atomic(durable=True):
        old = Attachment.objects.select_for_update(skip_locked=True).filter(
            message=None, created_at__lt=timezone.now() - keep
        )
        ids = list(old.order_by("pk").values_list("pk", flat=True)[:_ROWS_PER_TRANSACTION])
        Attachment.objects.filter(pk__in=ids).delete()
    return len(ids)


def remove_unused_contents(*, keep: timedelta = KEEP_UNUSED_FILES) -> int:
    """Remove files of attachments, last written before `keep`, that no row names. Returns their number.

    They are left by uploads that were given up, by rooms deleted in the admin and by a process that was killed.
    """
    names, removed = stored_names(FOLDER, before=timezone.now() - keep), 0
    while batch := list(islice(names, _ROWS_PER_TRANSACTION)):
        for name in _unused(batch):
            with transaction.atomic(durable=True):
                removed += _delete_if_unused(name)
    return removed


def _unused(names: Sequence[str]) -> Iterable[str]:
    used = set(Attachment.objects.filter(file__in=names).values_list("file", flat=True))
    return [name for name in names if name not in used]
