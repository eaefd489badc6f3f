"""One story over each transport: what one of them stores or refuses, the others store or refuse alike."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import socketio

from chat.database import run_in_db
from chat.models import Message, Room
from chat.tests.people import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)

SEND = """mutation ($room: ID!, $text: String!) {
  sendMessage(input: {roomId: $room, text: $text}) { id text author { username } }
}"""
_CODE_OF_STATUS = {
    302: None,
    400: "BAD_USER_INPUT",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    413: "PAYLOAD_TOO_LARGE",
}
TEN_MEGABYTES = "x" * 10_000_000


class Page:
    """The form of the room's page, without JavaScript."""

    async def sign_in(self, url: str, username: str) -> None:
        self.http = httpx2.AsyncClient(base_url=url, timeout=60)
        await self.http.get("/sign-in/")
        form = {
            "username": username,
            "password": PASSWORD,
            "csrfmiddlewaretoken": self.http.cookies["csrftoken"],
        }
        signed_in = await self.http.post("/sign-in/", data=form)
        assert signed_in.status_code == 302, signed_in.text

    async def post(self, room_id: str, text: Any) -> str | None:
        form = {"text": text, "csrfmiddlewaretoken": self.http.cookies["csrftoken"]}
        response = await self.http.post(f"/rooms/{room_id}/post/", data=form)
        return _CODE_OF_STATUS[response.status_code]

    async def close(self) -> None:
        await self.http.aclose()


async def access_token(http: httpx2.AsyncClient, username: str) -> str:
    response = await http.post("/api/token/", json={"username": username, "password": PASSWORD})
    return response.json()["access"]


class GraphQL:
    async def sign_in(self, url: str, username: str) -> None:
        self.http = httpx2.AsyncClient(base_url=url, timeout=60)
        self.http.headers["authorization"] = f"Bearer {await access_token(self.http, username)}"

    async def post(self, room_id: str, text: Any) -> str | None:
        variables = {"room": room_id, "text": text}
        reply = (await self.http.post("/graphql", json={"query": SEND, "variables": variables})).json()
        return reply["errors"][0]["extensions"]["code"] if "errors" in reply else None

    async def close(self) -> None:
        await self.http.aclose()


class SocketIO:
    """python-socketio's client over a WebSocket."""

    async def sign_in(self, url: str, username: str) -> None:
        async with httpx2.AsyncClient(base_url=url, timeout=60) as http:
            token = await access_token(http, username)
        self.client = socketio.AsyncSimpleClient()
        await self.client.connect(url, transports=["websocket"], auth={"token": token})

    async def post(self, room_id: str, text: Any) -> str | None:
        ack = await self.client.call("send-message", (room_id, text), timeout=60)
        return None if ack["ok"] else ack["error"]["code"]

    async def close(self) -> None:
        await self.client.disconnect()


@pytest.fixture(params=[Page, GraphQL, SocketIO], ids=lambda transport: transport.__name__)
async def ada_posts(request, parley_server, general, private) -> AsyncIterator[Any]:
    """A function that posts as ada: `(room id, text) -> error code, or None`."""
    transport = request.param()
    await transport.sign_in(parley_server, "ada")
    yield transport.post
    await transport.close()


@pytest.fixture
async def grace_hears(parley_server, general) -> AsyncIterator[socketio.AsyncSimpleClient]:
    """Grace, live in the room."""
    transport = SocketIO()
    await transport.sign_in(parley_server, "grace")
    assert (await transport.client.call("join-room", str(general.pk)))["ok"]
    yield transport.client
    await transport.close()


async def test_what_is_posted_is_stored_once_and_heard_by_everybody(ada_posts, grace_hears, general):
    assert await ada_posts(str(general.pk), "**Hello** from here") is None

    heard = await grace_hears.receive(timeout=60)
    while heard[0] != "new-message":  # ada's own arrival may come first
        heard = await grace_hears.receive(timeout=60)
    stored = await run_in_db(Message.objects.select_related("author").get)
    assert (stored.author.username, stored.text, stored.version) == ("ada", "**Hello** from here", 1)
    assert heard[1]["id"] == str(stored.pk)
    assert heard[1]["html"] == "<p><strong>Hello</strong> from here</p>"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "BAD_USER_INPUT"),
        (" \n\t", "BAD_USER_INPUT"),
        ("x" * 20_001, "PAYLOAD_TOO_LARGE"),
        (TEN_MEGABYTES, "PAYLOAD_TOO_LARGE"),
    ],
    ids=["empty", "blank", "too long", "ten megabytes"],
)
async def test_a_text_that_cannot_be_used_is_refused_by_code_and_changes_nothing(
    ada_posts, general, text, code
):
    assert await ada_posts(str(general.pk), text) == code
    assert await run_in_db(Message.objects.count) == 0
    assert (await run_in_db(Room.objects.get, pk=general.pk)).version == 0
    assert await ada_posts(str(general.pk), "the connection still works") is None


async def test_an_unknown_room_and_one_that_is_not_yours_look_alike(ada_posts, general, private):
    await run_in_db(private.memberships.all().delete)
    assert await ada_posts(str(private.pk), "hello") == "NOT_FOUND"
    assert await ada_posts("999999999", "hello") == "NOT_FOUND"
    assert await run_in_db(Message.objects.count) == 0


async def test_a_bad_token_is_refused_everywhere(parley_server, general, ada):
    bad = "eyJhbGciOiJIUzI1NiJ9.e30.bad"
    async with httpx2.AsyncClient(base_url=parley_server) as http:
        response = await http.post(
            "/graphql", json={"query": "{ me { id } }"}, headers={"authorization": f"Bearer {bad}"}
        )
        assert response.status_code == 401
        assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        page = await http.get(f"/rooms/{general.pk}/")
        assert page.status_code == 302 and re.match("/sign-in/", page.headers["location"])

    refused: list[Any] = []
    client = socketio.AsyncClient(reconnection=False)
    client.on("connect_error", refused.append)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(parley_server, transports=["websocket"], auth={"token": bad})
    assert refused[0]["data"]["code"] == "UNAUTHENTICATED"
