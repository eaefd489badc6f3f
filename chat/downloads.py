"""Attached files, for who may read them: by session on the pages, by access token for other clients."""

import asyncio
from collections.abc import AsyncIterator

from django.core.files import File
from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse
from django.utils.http import content_disposition_header, urlencode
from django.views.decorators.http import require_GET

from chat.access.authentication import caller_from_token
from chat.attachment_types import SHOWN_TYPES, UNKNOWN
from chat.database import run_in_db
from chat.errors import NotFound
from chat.models import Attachment, User
from chat.selectors import access_attachment

BLOCK_BYTES = 256 * 1024


@require_GET
async def attachment(
    request: HttpRequest, attachment_id: int
) -> StreamingHttpResponse | HttpResponseRedirect:
    """The file. Raster images are shown, everything else is a download: nothing somebody uploaded runs as a page.

    Raises:
        Unauthenticated: a token that does not hold. NotFound: absent, or not for this user.
    """
    user = await _user_of(request)
    if user is None:
        return HttpResponseRedirect(f"{reverse('sign-in')}?{urlencode({'next': request.path})}")
    found, stored = await run_in_db(_open, user, attachment_id)
    is_shown = found.media_type in SHOWN_TYPES
    response = StreamingHttpResponse(_Blocks(stored), content_type=found.media_type if is_shown else UNKNOWN)
    response["Content-Length"] = str(found.size_bytes)
    response["Content-Disposition"] = content_disposition_header(not is_shown, found.filename) or "attachment"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"  # who loses the room loses the file
    return response


async def _user_of(request: HttpRequest) -> User | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return (await run_in_db(caller_from_token, token.strip())).user
    user = await request.auser()
    return user if isinstance(user, User) else None


def _open(user: User, attachment_id: int) -> tuple[Attachment, File]:
    found = access_attachment(user, attachment_id)
    try:
        return found, default_storage.open(found.file, "rb")
    except FileNotFoundError:
        raise NotFound("This file is not in the file storage any more.") from None


class _Blocks:
    """The file's content; read in threads, so that a slow disk or a large file does not stop the others.

    Django closes it with the response, also of a client that leaves before the first block.
    """

    def __init__(self, file: File) -> None:
        self._file = file

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while block := await asyncio.to_thread(self._file.read, BLOCK_BYTES):
            yield block

    def close(self) -> None:
        self._file.close()
