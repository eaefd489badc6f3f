"""Files on their way to clients: so many at once to each user; whoever leaves makes room."""

import asyncio
import io

import pytest
from django.core.files import File
from django.test import RequestFactory

from chat import downloads
from chat.downloads import StoredFile, file_response

pytestmark = pytest.mark.django_db(transaction=True)
CONTENT = b"A note."


class Shelf:
    """Opens files, and keeps them."""

    def __init__(self) -> None:
        self.opened: list[File] = []

    def open(self) -> StoredFile:
        self.opened.append(File(io.BytesIO(CONTENT)))
        return StoredFile(self.opened[-1], "note.txt", len(CONTENT))


@pytest.fixture
def shelf(monkeypatch) -> Shelf:
    monkeypatch.setattr(downloads, "AT_ONCE_PER_USER", 2)
    return Shelf()


GET, HEAD = RequestFactory().get("/"), RequestFactory().head("/")


async def test_who_has_many_downloads_under_way_waits_and_nobody_else(shelf):
    first, _ = await file_response(GET, 1, shelf.open), await file_response(GET, 1, shelf.open)

    third = asyncio.create_task(file_response(GET, 1, shelf.open))
    await asyncio.sleep(0)  # it has asked
    await file_response(GET, 2, shelf.open)
    assert len(shelf.opened) == 3 and not third.done()

    await asyncio.to_thread(
        first.close
    )  # as the server does, in a thread, when the client has all or has left
    response = await asyncio.wait_for(third, 5)
    assert b"".join([block async for block in response]) == CONTENT


async def test_a_place_is_free_again_when_there_is_no_file_and_when_who_waited_has_left(shelf):
    def refuse() -> StoredFile:
        raise FileNotFoundError

    taken = [await file_response(GET, 1, shelf.open) for _ in range(2)]
    waiting = asyncio.create_task(file_response(GET, 1, shelf.open))
    await asyncio.sleep(0)
    waiting.cancel()
    for response in taken:
        response.close()
        response.close()  # once more gives no place more

    for _ in range(3):
        with pytest.raises(FileNotFoundError):
            await asyncio.wait_for(file_response(GET, 1, refuse), 5)


async def test_head_tells_of_the_file_and_keeps_nothing_open(shelf):
    told = [await asyncio.wait_for(file_response(HEAD, 1, shelf.open), 5) for _ in range(3)]
    shown = await file_response(GET, 1, shelf.open)

    assert all(file.closed for file in shelf.opened[:3]) and not shelf.opened[3].closed
    assert [response.content for response in told] == [b""] * 3
    assert told[0].headers == shown.headers
    assert told[0]["Content-Length"] == str(len(CONTENT))
