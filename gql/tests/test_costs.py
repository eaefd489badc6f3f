"""What operations cost: declared beside the fields, told in the schema and in each response, charged and given back."""

from types import SimpleNamespace

import httpx2
import pytest
from graphql import build_schema, parse

from chat import actions
from chat.errors import Unavailable
from chat.limiting import limits
from chat.models import Message
from gql.protection import throttle
from gql.protection.estimate import CostFunction
from gql.protection.selection import read_operations
from gql.protection.throttle import EVENT_COST, REQUEST_COST
from gql.requests.documents import documents
from gql.schema import schema, schema_text
from gql.tests.client import GraphQLClient
from project.asgi import application

SLOW = 0.001  # per second: nothing comes back within a test
ROOMS = "{ rooms(first: 30) { edges { node { id } } } }"
SEND = 'mutation($room: ID!) { sendMessage(input: {roomId: $room, text: "hello"}) { text } }'
ADDED = "subscription($room: ID!) { messageAdded(roomId: $room, since: 0) { text author { id } } }"
ADDED_COST = EVENT_COST + 2  # a message and its author


def cost(query: str) -> int:
    [operation] = read_operations(schema.graphql_schema, parse(query)).values()
    return CostFunction(operation)(None).cost


# ------------------------------------------------------------------------------------------------- schema


@pytest.mark.parametrize(
    ("query", "points"),
    [
        ('{ similaritySearch(query: "a") { id } }', 2000 + 5),
        ('{ similaritySearch(query: "a", topK: 50) { id document { id } } }', 2000 + 50 * 2),
        ('{ search(query: "a") { edges { snippet } } }', 2000 + 1),
        ('mutation { ask(input: {roomId: 1, question: "a"}) { id } }', 2000 + 1),
        (
            "mutation($file: Upload!) { uploadDocument(input: {collectionId: 1, file: $file}) { id } }",
            5000 + 1,
        ),
        ("{ rooms { totalCount } }", 1 + 20),
        ("{ rooms { totalCount edges { node { id } } } }", 1 + 20 + 20),
        ("{ __typename }", 0),
    ],
)
def test_dear_fields_declare_their_cost(query, points):
    assert cost(query) == points


def test_a_page_of_a_search_costs_its_objects_too():
    assert cost('{ search(query: "a", first: 7) { edges { node { __typename } } } }') == 2000 + 1 + 7


def test_the_schema_tells_what_fields_cost_and_is_still_a_schema():
    read = build_schema(schema_text())

    def directives(kind: str, field: str) -> dict[str, dict[str, object]]:
        node = read.type_map[kind].fields[field].ast_node
        return {
            one.name.value: {argument.name.value: argument.value.to_dict() for argument in one.arguments}
            for one in node.directives
        }

    assert directives("Query", "similaritySearch")["cost"]["weight"]["value"] == "2000"
    size = directives("Room", "messages")["listSize"]
    assert size["assumedSize"]["value"] == "20"
    assert [value["value"] for value in size["slicingArguments"]["values"]] == ["first", "last"]
    assert [value["value"] for value in size["sizedFields"]["values"]] == ["edges"]
    assert directives("Message", "text") == {}
    assert [one.name.value for one in read.type_map["PageInfo"].ast_node.directives] == ["cost"]


# ---------------------------------------------------------------------------------------------- responses


@pytest.mark.django_db(transaction=True)
async def test_a_response_tells_what_was_asked_for_what_it_cost_and_what_is_left(
    as_user, ada, general, limited
):
    limited("graphql", user=(SLOW, 5000), address=(SLOW, 9000))
    client = as_user(ada)
    await client.data(ROOMS)  # from now on the document is known

    before = (await client.run(ROOMS))["extensions"]["cost"]
    after = (await client.run(ROOMS))["extensions"]["cost"]

    assert (after["requested"], after["actual"]) == (REQUEST_COST + 1 + 30, REQUEST_COST + 1 + 1)
    assert before["remaining"] - after["remaining"] == after["actual"]
    assert after["restoreRate"] == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("broken", ["x: rooms(first: 1000) { __typename }", 'x: room(id: "0") { id }'])
async def test_what_fails_costs_all_that_was_asked_for(as_user, ada, general, broken):
    response = await as_user(ada).run(ROOMS.rstrip().removesuffix("}") + broken + " }")

    cost = response["extensions"]["cost"]
    assert response["errors"] and cost["actual"] == cost["requested"] > 131


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "problem", [Unavailable("It took too long."), RecursionError(), RuntimeError("broken")]
)
async def test_what_breaks_off_costs_all_that_was_asked_for(as_user, ada, general, monkeypatch, problem):
    async def break_off(*_: object) -> None:
        raise problem

    monkeypatch.setattr("gql.execution.execute_operation", break_off)
    response = await as_user(ada).run(ROOMS)

    assert response["data"] is None and response["errors"]
    assert response["extensions"]["cost"] == {"requested": 131, "actual": 131}


@pytest.mark.django_db(transaction=True)
async def test_variables_of_the_wrong_type_cost_the_request_alone(as_user, ada, general):
    response = await as_user(ada).run(
        "query($n: Int) { rooms(first: $n) { edges { node { id } } } }", n="many"
    )

    assert "data" not in response and response["errors"]
    assert response["extensions"]["cost"]["actual"] == REQUEST_COST


@pytest.mark.django_db(transaction=True)
async def test_without_rate_limits_the_cost_is_told_and_nothing_is_left(as_user, ada, general):
    assert (await as_user(ada).run(ROOMS))["extensions"]["cost"] == {"requested": 131, "actual": 102}


@pytest.mark.django_db(transaction=True)
async def test_who_has_spent_too_much_is_refused_before_anything_runs(as_user, ada, grace, general, limited):
    limited("graphql", user=(10, len(SEND) + REQUEST_COST + 50), address=(SLOW, 9000))
    documents.forget()
    client = as_user(ada)
    for _ in range(2):
        response = await client.post(SEND, {"room": general.pk})

    assert response.status_code == 429
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED" and error["extensions"]["retryAfter"] > 0
    assert int(response.headers["retry-after"]) >= error["extensions"]["retryAfter"]
    assert "data" not in response.json()
    assert await Message.objects.acount() == 1
    assert (await as_user(grace).data(ROOMS))["rooms"], "somebody else has an allowance of her own"


@pytest.mark.django_db(transaction=True)
async def test_over_a_websocket_a_refusal_is_the_error_of_its_operation(open_socket, ada, general, limited):
    limited("graphql", user=(SLOW, 50))
    socket = await open_socket(ada).start()
    await socket.subscribe("1", "{ me { id } }")

    refused = await socket.receive()

    assert (refused["type"], refused["id"]) == ("error", "1")
    assert refused["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert refused["payload"][0]["extensions"]["retryAfter"] > 0


@pytest.mark.django_db(transaction=True)
async def test_what_an_operation_did_not_use_is_given_back(as_user, ada, general, limited):
    limited("graphql", user=(SLOW, 1000), address=(SLOW, 9000))
    dear = "{ rooms(first: 100) { edges { node { members(first: 3) { edges { node { role } } } } } } }"
    client = as_user(ada)

    first, second = await client.run(dear), await client.run(dear)

    assert first["extensions"]["cost"]["requested"] == REQUEST_COST + 1 + 100 * 5
    assert "errors" not in second, "twice 601 would be too much"


@pytest.mark.django_db(transaction=True)
async def test_people_at_one_address_share_its_allowance(ada, grace, general, limited):
    limited("graphql", user=(SLOW, 9000), address=(SLOW, 300))
    transport = httpx2.ASGITransport(app=application, client=("192.0.2.1", 1))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
        assert (await GraphQLClient(http, ada).post(ROOMS)).status_code == 200
        await GraphQLClient(http, ada).post(ROOMS)

        assert (await GraphQLClient(http, grace).post(ROOMS)).status_code == 429


@pytest.mark.django_db(transaction=True)
async def test_strangers_have_an_allowance_of_their_own(as_user, ada, general, limited):
    limited("graphql_anonymous", address=(SLOW, 250))
    me = "{ me { id } }"
    statuses = [(await as_user(None).post(me)).status_code for _ in range(4)]

    assert statuses[0] == 200 and statuses[-1] == 429
    assert (await as_user(ada).post(me)).status_code == 200


@pytest.mark.django_db(transaction=True)
async def test_a_document_that_is_not_known_costs_its_characters_once_also_when_it_is_refused(
    as_user, ada, limited
):
    limited("graphql", user=(SLOW, 1000), address=(SLOW, 9000))
    client = as_user(ada)
    invalid = "{ nothing }" + " " * 389

    refused = [(await client.run(invalid))["errors"][0]["extensions"]["code"] for _ in range(3)]

    assert refused == ["BAD_USER_INPUT", "BAD_USER_INPUT", "RATE_LIMITED"]
    assert documents.find(invalid) is None


# ------------------------------------------------------------------------------------------- subscriptions


@pytest.fixture
def posted(ada, general) -> None:
    """Three messages, which who subscribes is told first."""
    for text in ("one", "two", "three"):
        actions.post_message(ada, room_id=general.pk, text=text)


@pytest.mark.django_db(transaction=True)
async def test_subscribing_is_charged_once_and_each_event_by_itself(
    open_socket, grace, general, posted, limited
):
    limited("graphql", user=(SLOW, 5000))
    socket = await open_socket(grace).start()
    await socket.subscribe("1", ADDED, room=general.pk)

    costs = [(await socket.receive())["payload"]["extensions"]["cost"] for _ in range(3)]

    assert [(one["requested"], one["actual"]) for one in costs] == [(ADDED_COST, ADDED_COST)] * 3
    assert costs[1]["remaining"] - costs[2]["remaining"] == ADDED_COST


@pytest.mark.django_db(transaction=True)
async def test_a_subscriber_without_points_is_slowed(
    open_socket, grace, general, posted, limited, monkeypatch
):
    documents.forget()
    limited("graphql", user=(10, len(ADDED) + REQUEST_COST + 2))
    now_s, waits_s = 0.0, []

    async def sleep(delay_s: float) -> None:
        nonlocal now_s
        waits_s.append(delay_s)
        now_s += delay_s

    monkeypatch.setattr(limits._limiter, "_clock", lambda: now_s)  # it stands still but for these waits
    monkeypatch.setattr(throttle, "asyncio", SimpleNamespace(sleep=sleep))
    socket = await open_socket(grace).start()
    await socket.subscribe("1", ADDED, room=general.pk)

    texts = [(await socket.next_data())["messageAdded"]["text"] for _ in range(3)]

    assert texts == ["one", "two", "three"], "nothing is lost"
    assert sum(waits_s) == pytest.approx(1.0, abs=0.01), (
        "three events of 4 points, of which 2 were left and 10 a second come back"
    )


@pytest.mark.django_db(transaction=True)
async def test_a_subscriber_who_would_wait_too_long_is_told_and_ended(
    open_socket, grace, general, posted, limited, monkeypatch
):
    documents.forget()
    limited("graphql", user=(SLOW, len(ADDED) + REQUEST_COST + 2))
    monkeypatch.setattr(throttle, "MAX_EVENT_WAIT_S", 0.1)
    socket = await open_socket(grace).start()
    await socket.subscribe("1", ADDED, room=general.pk)

    message, end = await socket.receive(), await socket.receive()

    [error] = message["payload"]["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED" and error["extensions"]["retryAfter"] > 0
    assert end == {"id": "1", "type": "complete"}
