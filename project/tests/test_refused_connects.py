"""Stock clients, unmodified, that the limits do not let in at first, against a web process with its limits on.

Who connects too often is cut off without a word: stock clients then try again by themselves, which they do not after a
refusal. Who has too many connections is told so, since trying again does not help until one of them is closed.
"""

from collections.abc import Iterator

import pytest
import socketio

from chat.tests.socket_client import access_token
from project.tests.servers import run_server

pytestmark = pytest.mark.django_db(transaction=True)
TRANSPORTS = pytest.mark.parametrize(
    "transports", [(), ("polling",), ("websocket",)], ids=["default", "polling", "websocket"]
)


@pytest.fixture(scope="module")
def tight_server(django_db_setup, tmp_path_factory) -> Iterator[str]:
    """Users may connect once, and then every other second."""
    log = tmp_path_factory.mktemp("tight") / "web.log"
    with run_server(log, module="project.tests.tight_web", environment={"RATE_LIMITS": "on"}) as server:
        yield server.url


@pytest.fixture(scope="module")
def single_server(django_db_setup, tmp_path_factory) -> Iterator[str]:
    """Users may have one connection."""
    environment = {"RATE_LIMITS": "on", "SOCKET_MAX_CONNECTIONS_PER_USER": "1"}
    with run_server(tmp_path_factory.mktemp("single") / "web.log", environment=environment) as server:
        yield server.url


async def connected(url: str, token: str) -> socketio.AsyncClient:
    client = socketio.AsyncClient()
    await client.connect(url, auth={"token": token}, transports=["websocket"], wait_timeout=60)
    return client


@TRANSPORTS
async def test_a_javascript_client_that_connects_too_often_gets_in_later_by_itself(
    ada, tight_server, start_node, transports
):
    token = await access_token(ada)
    first = await connected(tight_server, token)

    async with start_node(tight_server, token, *transports) as client:
        await client.until("connect")
        assert (await client.emit("typing"))["error"]["code"] == "BAD_USER_INPUT"  # it is heard

        assert any("attempt" in report for report in client.passed_over)
        assert not any(
            report.get("data") for report in client.passed_over
        )  # only a lost transport is reported
    await first.disconnect()


async def test_a_python_client_that_connects_too_often_gets_in_later_by_itself(ada, tight_server):
    token = await access_token(ada)
    first = await connected(tight_server, token)
    second = socketio.AsyncClient(reconnection_delay=0.1, reconnection_delay_max=0.2)
    refusals: list[object] = []
    second.on("connect_error", refusals.append)

    await second.connect(tight_server, auth={"token": token}, transports=["websocket"], wait_timeout=60)

    assert (await second.call("typing"))["error"]["code"] == "BAD_USER_INPUT"
    assert refusals == []
    await second.disconnect()
    await first.disconnect()


@TRANSPORTS
async def test_a_javascript_client_is_told_that_it_is_one_connection_too_many(
    ada, single_server, start_node, transports
):
    token = await access_token(ada)
    first = await connected(single_server, token)

    async with start_node(single_server, token, *transports) as client:
        refusal = await client.until("error")
        assert refusal == {
            "error": "You have 1 connections. Close some of them first.",
            "data": {"code": "RATE_LIMITED", "retryAfter": refusal["data"]["retryAfter"]},
        }
        assert refusal["data"]["retryAfter"] > 0
        await first.disconnect()  # which is sooner than that
        await client.order(again=True)

        await client.until("connect")
        assert not any("attempt" in report for report in client.passed_over)  # it was up to the program


async def test_a_python_client_is_told_that_it_is_one_connection_too_many(ada, single_server):
    token = await access_token(ada)
    first = await connected(single_server, token)
    second = socketio.AsyncClient()
    refusals: list[dict] = []
    second.on("connect_error", refusals.append)

    with pytest.raises(socketio.exceptions.ConnectionError, match="failed to connect: /"):
        await second.connect(single_server, auth={"token": token}, transports=["websocket"], wait_timeout=60)
    [refusal] = refusals
    assert refusal["data"]["code"] == "RATE_LIMITED"
    await first.disconnect()
    await second.connect(single_server, auth={"token": token}, transports=["websocket"], wait_timeout=60)

    assert second.connected
    await second.disconnect()
