"""Stock JavaScript clients and the audits of graphql-http against a running server."""

import asyncio
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Protocol
from urllib.parse import urlsplit

import pytest

from chat import actions
from chat.database import run_in_db
from chat.models import Message, Room, User
from gql.tests.client import access_token
from gql.tests.stock import StockClient, run_script, stock_client

pytestmark = pytest.mark.django_db(transaction=True)

ME = "query { me { username } }"
SEND = "mutation($input: SendMessageInput!) { sendMessage(input: $input) { text } }"
ROOM = "query($id: ID!) { room(id: $id) { id } }"
ADDED = """subscription($room: ID!, $since: Int) {
    messageAdded(roomId: $room, since: $since) { id text version } }"""


class StartClient(Protocol):
    def __call__(self, library: str, url: str, token: str) -> AbstractAsyncContextManager[StockClient]: ...


@pytest.fixture
def start_client(node_path: str, graphql_node_dir) -> StartClient:
    """A function that runs a stock client: `async with start_client(library, url, token) as client`."""
    return partial(stock_client, node_path, graphql_node_dir)


async def _post(user: User, room: Room, *texts: str) -> None:
    for text in texts:
        await run_in_db(actions.post_message, user, room_id=room.pk, text=text)


async def test_every_audit_of_graphql_over_http_passes(node_path, graphql_node_dir, parley_server, grace):
    arguments = (f"{parley_server}/graphql", await access_token(grace))
    results = await run_script(node_path, graphql_node_dir, "audits.mjs", *arguments)
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == 61


async def _check_operations(client: StockClient, room: Room) -> None:
    """A query, a mutation, an error of a resolver and one of validation."""
    assert (await client.execute(ME))["data"]["me"]["username"] == "grace"
    sent = await client.execute(SEND, input={"roomId": str(room.pk), "text": "hello"})
    assert sent["data"]["sendMessage"]["text"] == "hello"
    [missing] = (await client.execute(ROOM, id="987654"))["errors"]
    assert missing["extensions"]["code"] == "NOT_FOUND"
    [invalid] = (await client.execute("query { nonsense }"))["errors"]
    assert invalid["extensions"]["code"] == "BAD_USER_INPUT"
    assert "Cannot query field 'nonsense'" in invalid["message"]


async def _check_refused_subscription(client: StockClient) -> None:
    await client.follow("refused", ADDED, room="987654")
    report = await client.of("refused")
    errors = report["errors"] if "errors" in report else report["next"]["errors"]
    assert errors[0]["extensions"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("library", "reads_since_again"),
    [("graphqlWs", True), ("graphqlSse", True), ("apollo", False), ("urql", False)],
)
async def test_a_stock_client_misses_nothing_over_a_restart_of_the_server(
    start_client, start_parley_server, ada, grace, general, library, reads_since_again
):
    server = await asyncio.to_thread(start_parley_server)
    async with start_client(library, server.url, await access_token(grace)) as client:
        await _check_operations(client, general)
        await _check_refused_subscription(client)

        await client.follow("live", ADDED, room=str(general.pk), since=0)
        received = [(await client.next_data("live"))["messageAdded"]]  # what it sent itself
        await _post(ada, general, "one", "two")
        received += [(await client.next_data("live"))["messageAdded"] for _ in range(2)]

        server.kill()
        await _post(ada, general, *(f"away {n}" for n in range(20)))
        await asyncio.to_thread(start_parley_server, port=urlsplit(server.url).port)
        await _post(ada, general, *(f"back {n}" for n in range(5)))
        while not received or received[-1]["text"] != "back 4":
            received.append((await client.next_data("live"))["messageAdded"])

        posted = [str(pk) async for pk in Message.objects.order_by("pk").values_list("pk", flat=True)]
        assert list(dict.fromkeys(message["id"] for message in received)) == posted
        if reads_since_again:  # it came back with the version it saw last
            assert len(received) == len(posted)
        assert (await client.execute(ME))["data"]["me"]["username"] == "grace"
