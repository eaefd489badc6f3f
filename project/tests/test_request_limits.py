"""Bodies that are too large, too slow, or from nobody."""

import asyncio
import json

import pytest
from asgiref.testing import ApplicationCommunicator
from django.test import AsyncClient

from chat.models import User
from project.asgi import application
from project.request_limits import RequestLimits

pytestmark = pytest.mark.django_db(transaction=True)
CHUNK = b"x" * 300_000


async def send_body(path, *, headers=(), chunks=20, announced=None, app=application):
    """POST up to `chunks` parts without an end; (status, body, how many parts were taken)."""
    sent = [(b"host", b"127.0.0.1"), (b"content-type", b"multipart/form-data; boundary=b"), *headers]
    if announced is not None:
        sent.append((b"content-length", str(announced).encode()))
    taken = 0

    async def receive():
        nonlocal taken
        if taken == chunks:
            await asyncio.sleep(600)
        taken += 1
        return {"type": "http.request", "body": CHUNK, "more_body": True}

    answer = []

    async def send(message):
        answer.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": sent, "query_string": b""}
    scope |= {"asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "root_path": ""}
    await asyncio.wait_for(app(scope, receive, send), 60)
    return answer[0]["status"], b"".join(message.get("body", b"") for message in answer[1:]), taken


@pytest.fixture(autouse=True)
def nothing_drained(monkeypatch):
    """So that what was taken is what was read."""
    monkeypatch.setattr("project.request_limits.DRAIN_MAX_BYTES", 0)


async def test_the_rest_of_a_refused_body_is_taken_up_to_a_bound_so_that_the_client_reads_the_answer(
    monkeypatch,
):
    monkeypatch.setattr("project.request_limits.DRAIN_MAX_BYTES", 3_000_000)
    assert (await send_body("/sign-in/", announced=9_000_000))[::2] == (413, 10)
    assert (await send_body("/sign-in/"))[::2] == (413, 14)

    monkeypatch.setattr("project.request_limits.DRAIN_MAX_S", 0.05)
    assert (await send_body("/sign-in/", chunks=5))[::2] == (413, 5)


@pytest.fixture
async def session():
    client = AsyncClient()
    await client.aforce_login(await User.objects.acreate(username="ada"))
    return [(b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode())]


@pytest.mark.parametrize("path", ["/sign-in/", "/rooms/1/files/", "/documents/", "/api/token/", "/nowhere"])
async def test_a_body_from_nobody_is_read_up_to_a_megabyte(path):
    status, body, taken = await send_body(path)

    assert (status, json.loads(body)["error"]["code"], taken) == (413, "PAYLOAD_TOO_LARGE", 4)


async def test_a_body_that_says_it_is_too_large_is_not_read_at_all():
    status, body, taken = await send_body(
        "/sign-in/", announced=2_000_000, headers=[(b"accept", b"text/html")]
    )

    assert (status, taken) == (413, 0)
    assert b"<h1>Too large</h1>" in body


async def test_only_uploads_of_somebody_signed_in_may_be_larger(session, settings):
    settings.UPLOAD_MAX_BYTES = 2_000_000

    assert (await send_body("/rooms/1/files/", headers=session))[::2] == (413, 11)
    assert (await send_body("/rooms/1/post/", headers=session))[::2] == (413, 4)
    forged = [(b"cookie", b"sessionid=abc")]
    assert (await send_body("/rooms/1/files/", headers=forged))[::2] == (413, 4)


async def test_a_graphql_upload_from_nobody_is_refused_unread():
    headers = [(b"origin", b"http://127.0.0.1"), (b"x-requested-with", b"x")]
    status, body, taken = await send_body("/graphql", headers=headers)

    assert (status, taken) == (401, 0)
    assert json.loads(body)["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_body_that_stops_coming_ends_the_request():
    limited = RequestLimits(application.application_mapping["http"]._app, silence_s=0.05)

    status, _, taken = await send_body("/sign-in/", chunks=2, app=limited)

    assert (status, taken) == (408, 2)


async def test_a_connection_that_waits_for_an_answer_has_no_deadline():
    async def slow(scope, receive, send):
        await receive()
        await receive()

    communicator = ApplicationCommunicator(
        RequestLimits(slow, silence_s=0.05), {"type": "http", "method": "GET", "path": "/", "headers": []}
    )
    await communicator.send_input({"type": "http.request", "body": b"", "more_body": False})
    assert await communicator.receive_nothing(0.2)
    await communicator.send_input({"type": "http.disconnect"})
    await communicator.wait()


async def test_what_is_shown_to_somebody_is_kept_by_no_cache(session):
    client = AsyncClient()
    client.cookies["sessionid"] = session[0][1].decode().partition("=")[2]

    for path in ("/", "/rooms/", "/documents/", "/documents/1/original"):
        response = await client.get(path)
        assert "private" in response["Cache-Control"] and "no-store" in response["Cache-Control"], path
    assert "no-store" not in (await client.get("/health/live")).get("Cache-Control", "")
