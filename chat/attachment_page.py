"""Attached files, for who may read them: by session on the pages, by access token for other clients."""

from functools import partial

from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from chat.access.authentication import caller_from_token
from chat.attachment_types import SHOWN_TYPES
from chat.database import run_in_db
from chat.downloads import StoredFile, file_response
from chat.errors import NotFound
from chat.models import User
from chat.selectors import access_attachment


@require_safe
async def attachment(request: HttpRequest, attachment_id: int) -> HttpResponse | StreamingHttpResponse:
    """The file. Raster images are shown, everything else is a download: nothing somebody uploaded runs as a page.

    Raises:
        Unauthenticated: a token that does not hold. NotFound: absent, or not for this user.
    """
    user = await _user_of(request)
    if user is None:
        return HttpResponseRedirect(f"{reverse('sign-in')}?{urlencode({'next': request.path})}")
    return await file_response(request, user.pk, partial(_open, user, attachment_id))


async def _user_of(request: HttpRequest) -> User | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return (await run_in_db(caller_from_token, token.strip())).user
    user = await request.auser()
    return user if isinstance(user, User) else None


def _open(user: User, attachment_id: int) -> StoredFile:
    found = access_attachment(user, attachment_id)
    try:
        file = default_storage.open(found.file, "rb")
    except FileNotFoundError:
        raise NotFound("This file is not in the file storage any more.") from None
    shown_as = found.media_type if found.media_type in SHOWN_TYPES else None
    return StoredFile(file, found.filename, found.size_bytes, shown_as)
