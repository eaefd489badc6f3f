"""Stored files as responses: sent in blocks, so many at a time to each user, and never run as a page of this site."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from django.core.files import File
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header

from chat.attachment_types import UNKNOWN
from chat.database import run_in_db
from chat.per_loop import PerLoop

BLOCK_BYTES = 256 * 1024
# A page full of pictures takes its turns in a moment. Who reads none of them to the end holds so many open files, and
# waits for himself; one that takes nothing at all is cut off (project/upgrading_http.py).
AT_ONCE_PER_USER = 16


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An open file and what is said of it. A file with `shown_as`, a media type, is shown; others are downloads."""

    file: File
    filename: str
    size_bytes: int
    shown_as: str | None = None


async def file_response(
    request: HttpRequest, user_id: int, open_file: Callable[[], StoredFile]
) -> HttpResponse | StreamingHttpResponse:
    """The file that `open_file` opens, in a database thread, for a GET; what is said of it alone for a HEAD.

    Waits while the user has `AT_ONCE_PER_USER` under way. Raises what `open_file` raises.
    """
    turn = await _Turn.of(user_id)
    try:
        stored = await run_in_db(open_file)
    except BaseException:  # cancelled, too: who waits for the turn must get it
        turn.give_back()
        raise
    blocks = _Blocks(stored.file, turn)
    response: HttpResponse | StreamingHttpResponse
    if request.method == "HEAD":
        await asyncio.to_thread(blocks.close)
        response = HttpResponse()
    else:
        response = StreamingHttpResponse(blocks)
    response["Content-Type"] = stored.shown_as or UNKNOWN
    response["Content-Length"] = str(stored.size_bytes)
    response["Content-Disposition"] = (
        content_disposition_header(stored.shown_as is None, stored.filename) or "attachment"
    )
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"  # who loses the file's place loses the file
    return response


class _Blocks:
    """The file's content; read in threads, so that a slow disk or a large file does not stop the others.

    Django closes it with the response, also of a client that leaves before the first block.
    """

    def __init__(self, file: File, turn: "_Turn") -> None:
        self._file = file
        self._turn = turn

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while block := await asyncio.to_thread(self._file.read, BLOCK_BYTES):
            yield block

    def close(self) -> None:
        self._file.close()
        self._turn.give_back()


class _Turn:
    """One of a user's places among the downloads of an event loop."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places: asyncio.Semaphore | None = places
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def of(cls, user_id: int) -> "_Turn":
        """Wait for one."""
        all_places = _places()
        places = all_places.get(user_id)
        if places is None:
            places = all_places[user_id] = asyncio.Semaphore(AT_ONCE_PER_USER)
        await places.acquire()
        return cls(places)

    def give_back(self) -> None:
        """To be called from any thread; no matter if it was before."""
        places, self._places = self._places, None
        if places is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(places.release)


# A user's places are kept by those who have or await one.
_places: PerLoop[WeakValueDictionary[Any, asyncio.Semaphore]] = PerLoop(WeakValueDictionary)
