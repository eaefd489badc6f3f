"""Stock JavaScript clients and the audits of graphql-http against a running server."""

import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import partial
from typing import Protocol
from urllib.parse import urlsplit

import pytest

from chat import actions
from chat.access.tokens import SignInSerializer
from chat.database import run_in_db
from chat.models import Message, Room, User
from gql.tests.client import access_token
from gql.tests.stock import StockClient, run_script, stock_client
from rag.actions import create_collection

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

        for end in ("stop", "kill"):
            await asyncio.to_thread(getattr(server, end))
            await _post(ada, general, *(f"{end}: away {n}" for n in range(20)))
            server = await asyncio.to_thread(start_parley_server, port=urlsplit(server.url).port)
            await _post(ada, general, *(f"{end}: back {n}" for n in range(5)))
            while received[-1]["text"] != f"{end}: back 4":
                received.append((await client.next_data("live"))["messageAdded"])

        posted = [str(pk) async for pk in Message.objects.order_by("pk").values_list("pk", flat=True)]
        assert list(dict.fromkeys(message["id"] for message in received)) == posted
        if reads_since_again:  # it came back with the version it saw last
            assert len(received) == len(posted)
        assert (await client.execute(ME))["data"]["me"]["username"] == "grace"


async def test_urql_subscribes_by_server_sent_events_too(start_client, parley_server, ada, grace, general):
    await _post(ada, general, "before")
    async with start_client("urqlSse", parley_server, await access_token(grace)) as client:
        await client.follow("live", ADDED, room=str(general.pk), since=0)
        assert (await client.next_data("live"))["messageAdded"]["text"] == "before"
        await _post(ada, general, "after")
        assert (await client.next_data("live"))["messageAdded"]["text"] == "after"


async def test_graphql_ws_connects_when_it_has_to_and_leaves_when_it_is_done(
    start_client, parley_server, ada, grace, general
):
    async with start_client("graphqlWs", parley_server, await access_token(grace)) as client:
        await client.follow("one", ADDED, room=str(general.pk), since=0)
        await client.state("connected")
        await _post(ada, general, "hello")
        await client.next_data("one")
        await client.stop("one")
        assert (await client.state("closed"))["code"] == 1000

        await client.follow("two", ADDED, room=str(general.pk), since=0)
        await client.state("connected")
        assert (await client.next_data("two"))["messageAdded"]["text"] == "hello"


async def test_a_token_that_expires_ends_its_connections_and_a_new_one_goes_on(
    start_client, parley_server, ada, grace, general
):
    token = await access_token(grace)
    async with (
        start_client("graphqlWs", parley_server, token) as by_socket,
        start_client("graphqlSse", parley_server, token) as by_events,
    ):
        for client in (by_socket, by_events):
            await client.execute(ME)  # it has started: from now on the time counts
        assert (await by_socket.state("closed"))["code"] == 1000
        expiring = await run_in_db(_token_for, grace, timedelta(seconds=6))
        for client in (by_socket, by_events):
            await client.use_token(expiring)
            await client.follow("live", ADDED, room=str(general.pk), since=0)
        await _post(ada, general, "one")
        for client in (by_socket, by_events):
            await client.next_data("live")
            await client.use_token(token)

        assert (await by_socket.state("closed"))["code"] == 4403
        [error] = (await by_events.of("live"))["next"]["errors"]
        assert error["extensions"]["code"] == "UNAUTHENTICATED"
        assert (await by_events.of("live"))["complete"]
        await _post(ada, general, "two")
        assert (await by_socket.next_data("live"))["messageAdded"]["text"] == "two"


def _token_for(user: User, lifetime: timedelta) -> str:
    token = SignInSerializer.get_token(user).access_token  # type: ignore[attr-defined]
    token.set_exp(lifetime=lifetime)
    return str(token)


async def test_sockets_that_break_the_protocol_are_closed_with_its_codes(
    node_path, graphql_node_dir, start_parley_server, grace, general
):
    server = await asyncio.to_thread(start_parley_server, module="gql.tests.impatient_web")
    url = server.url.replace("http", "ws") + "/graphql"
    arguments = (url, await access_token(grace), str(general.pk))
    assert await run_script(node_path, graphql_node_dir, "close_codes.mjs", *arguments) == {
        "notJson": [4400, "Messages must be JSON"],
        "unknownType": [4400, "Unknown message type"],
        "unacknowledged": [4401, "Unauthorized"],
        "badToken": [4403, "The access token is not valid, or has expired. Sign in again."],
        "otherProtocol": [4406, "Subprotocol not acceptable"],
        "silent": [4408, "Connection initialisation timeout"],
        "sameId": [4409, "Subscriber for 1 already exists"],
        "twoInits": [4429, "Too many initialisation requests"],
    }


async def test_apollo_sends_a_document_once_and_then_its_hash(start_client, parley_server, grace):
    requests = []
    async with start_client("apolloPersisted", parley_server, await access_token(grace)) as client:
        for number_of_requests in (2, 1):
            assert (await client.execute(ME))["data"]["me"]["username"] == "grace"
            for _ in range(number_of_requests):
                request = await client.report(lambda report: "request" in report)
                requests.append((request["request"], request["hasDocument"]))
    async with start_client("apolloPersisted", parley_server, await access_token(grace)) as another:
        assert (await another.execute(ME))["data"]["me"]["username"] == "grace"
        request = await another.report(lambda report: "request" in report)
        requests.append((request["request"], request["hasDocument"]))

    assert requests == [("GET", False), ("POST", True), ("GET", False), ("GET", False)]


async def test_apollo_uploads_several_files_in_one_request(start_client, parley_server, ada):
    collection = await run_in_db(create_collection, ada, name="Handbook", everyone=True)
    query = """mutation($one: UploadDocumentInput!, $two: UploadDocumentInput!) {
        one: uploadDocument(input: $one) { filename sizeBytes }
        two: uploadDocument(input: $two) { filename sizeBytes } }"""
    one, two = (
        {"collectionId": str(collection.pk), "file": {"$file": f"# {name}\n", "name": f"{name}.md"}}
        for name in ("Tea", "Coffee")
    )

    async with start_client("apolloUpload", parley_server, await access_token(ada)) as client:
        uploaded = (await client.execute(query, one=one, two=two))["data"]

    names = {name: (made["filename"], made["sizeBytes"]) for name, made in uploaded.items()}
    assert names == {"one": ("Tea.md", 6), "two": ("Coffee.md", 9)}
