"""What each user may read, page by page, and with how many statements."""

import pytest

from chat import actions
from chat.database import run_in_db
from chat.models import Membership, Message, Room
from gql.tests.statements import recorded_statements

pytestmark = pytest.mark.django_db(transaction=True)

ROOMS = """query($first: Int, $after: String) { rooms(first: $first, after: $after) {
    totalCount pageInfo { hasNextPage hasPreviousPage endCursor } edges { cursor node { id name } } } }"""
MESSAGES = """query($id: ID!, $first: Int, $after: String, $last: Int, $before: String) { room(id: $id) {
    messages(first: $first, after: $after, last: $last, before: $before) {
        totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        edges { cursor node { text } } } } }"""


def _texts(data: dict) -> list[str]:
    return [edge["node"]["text"] for edge in data["room"]["messages"]["edges"]]


async def test_me_is_null_for_nobody_and_the_caller_otherwise(as_user, ada):
    assert await as_user(None).data("{ me { id } }") == {"me": None}
    me = (await as_user(ada).data("{ me { id username displayName isBot email presence } }"))["me"]
    assert me == {
        "id": str(ada.pk),
        "username": "ada",
        "displayName": "Ada",
        "isBot": False,
        "email": "ada@example.org",
        "presence": "OFFLINE",
    }


@pytest.mark.parametrize(
    "query",
    [
        "{ users { totalCount } }",
        "{ rooms { totalCount } }",
        "{ room(id: 1) { id } }",
        "{ user(id: 1) { id } }",
        "{ message(id: 1) { id } }",
        "{ collections { totalCount } }",
        "{ documents { totalCount } }",
        "{ document(id: 1) { id } }",
        "{ answer(id: 1) { id } }",
        '{ similaritySearch(query: "x") { id } }',
        'mutation { sendMessage(input: {roomId: 1, text: "x"}) { id } }',
        'mutation { createUser(input: {username: "x", password: "x"}) { id } }',
    ],
)
async def test_everything_but_me_asks_for_a_signed_in_user(as_user, db, query):
    assert (await as_user(None).error(query))["code"] == "UNAUTHENTICATED"


async def test_an_email_is_seen_by_its_owner_and_admins_only(as_user, ada, grace):
    query = "query($id: ID!) { user(id: $id) { email } }"

    assert (await as_user(grace).data(query, id=ada.pk))["user"] == {"email": None}
    assert (await as_user(grace).data(query, id=grace.pk))["user"] == {"email": "grace@example.org"}
    assert (await as_user(ada).data(query, id=grace.pk))["user"] == {"email": "grace@example.org"}


async def test_absent_and_forbidden_rooms_and_messages_look_alike(as_user, ada, grace, private):
    hidden = await run_in_db(actions.post_message, ada, room_id=private.pk, text="secret")
    for query in (
        f"{{ room(id: {private.pk}) {{ name }} }}",
        "{ room(id: 987654) { name } }",
        '{ room(id: "x") { name } }',
    ):
        response = await as_user(grace).run(query)
        assert response["data"] == {"room": None}
        assert response["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert (await as_user(grace).error(f"{{ message(id: {hidden.pk}) {{ text }} }}"))["code"] == "NOT_FOUND"
    assert (await as_user(ada).data(f"{{ message(id: {hidden.pk}) {{ text }} }}"))["message"] == {
        "text": "secret"
    }


async def test_rooms_are_ones_own_then_public_ones_page_by_page(as_user, ada, grace, general, private):
    await Room.objects.acreate(name="announcements", kind="public")
    client = as_user(ada)

    page = (await client.data(ROOMS, first=2))["rooms"]
    rest = (await client.data(ROOMS, first=2, after=page["pageInfo"]["endCursor"]))["rooms"]

    assert [edge["node"]["name"] for edge in page["edges"]] == ["engineering", "general"]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (3, True)
    assert [edge["node"]["name"] for edge in rest["edges"]] == ["announcements"]
    assert (rest["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasPreviousPage"]) == (False, True)
    assert [edge["node"]["name"] for edge in (await as_user(grace).data(ROOMS))["rooms"]["edges"]] == [
        "general",
        "announcements",
    ]


async def test_a_guest_sees_the_rooms_and_people_shared_with_the_guest_only(
    as_user, ada, grace, guest, general
):
    query = "{ rooms { edges { node { name } } } users { edges { node { username } } } }"
    nothing = await as_user(guest).data(query)
    assert nothing == {"rooms": {"edges": []}, "users": {"edges": [{"node": {"username": "guest"}}]}}

    await Membership.objects.acreate(room=general, user=guest, role="guest")
    shared = await as_user(guest).data(query)
    assert shared["rooms"] == {"edges": [{"node": {"name": "general"}}]}
    assert [edge["node"]["username"] for edge in shared["users"]["edges"]] == ["ada", "grace", "guest"]


async def test_users_are_paged_by_limit_and_cursor(as_user, ada, grace, guest):
    query = """query($limit: Int, $cursor: String) { users(limit: $limit, cursor: $cursor) {
        totalCount pageInfo { hasNextPage endCursor } edges { node { username } } } }"""

    first = (await as_user(ada).data(query, limit=2))["users"]
    second = (await as_user(ada).data(query, limit=2, cursor=first["pageInfo"]["endCursor"]))["users"]

    assert [edge["node"]["username"] for edge in first["edges"]] == ["ada", "grace"]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (3, True)
    assert [edge["node"]["username"] for edge in second["edges"]] == ["guest"]
    assert not second["pageInfo"]["hasNextPage"]


async def test_messages_are_oldest_first_from_either_end(as_user, ada, general):
    for n in range(1, 6):
        await run_in_db(actions.post_message, ada, room_id=general.pk, text=f"m{n}")
    client = as_user(ada)

    first = await client.data(MESSAGES, id=general.pk, first=2)
    after = await client.data(MESSAGES, id=general.pk, first=2, after=_info(first)["endCursor"])
    last = await client.data(MESSAGES, id=general.pk, last=2)
    before = await client.data(MESSAGES, id=general.pk, last=2, before=_info(last)["startCursor"])
    oldest = await client.data(MESSAGES, id=general.pk, last=2, before=_info(before)["startCursor"])

    assert [_texts(page) for page in (first, after, last, before, oldest)] == [
        ["m1", "m2"],
        ["m3", "m4"],
        ["m4", "m5"],
        ["m2", "m3"],
        ["m1"],
    ]
    assert _info(first)["hasNextPage"] and not _info(first)["hasPreviousPage"]
    assert not _info(last)["hasNextPage"] and _info(last)["hasPreviousPage"]
    assert not _info(oldest)["hasPreviousPage"]
    assert first["room"]["messages"]["totalCount"] == 5
    assert _texts(await client.data(MESSAGES, id=general.pk, first=0)) == []


def _info(data: dict) -> dict:
    return data["room"]["messages"]["pageInfo"]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"first": 101}, "first"),
        ({"first": -1}, "first"),
        ({"last": 101}, "last"),
        ({"first": 1, "last": 1}, "last"),
        ({"after": "nonsense"}, "after"),
        ({"after": "WyJ4Il0"}, "after"),  # ["x"]: the cursor of another connection
        ({"before": "WzFlOTld"}, "before"),  # [1e99]
        ({"after": "ü"}, "after"),
    ],
)
async def test_bad_pages_are_refused_with_the_field(as_user, ada, general, arguments, field):
    extensions = await as_user(ada).error(MESSAGES, id=general.pk, **arguments)
    assert extensions["code"] == "BAD_USER_INPUT"
    assert list(extensions["fields"]) == [field]


async def test_unread_and_mention_counts(as_user, ada, grace, general):
    query = "query($id: ID!) { room(id: $id) { unreadCount mentionCount version } }"
    for text in ("one", "two @grace", "three"):
        await run_in_db(actions.post_message, ada, room_id=general.pk, text=text)

    assert (await as_user(grace).data(query, id=general.pk))["room"] == {
        "unreadCount": 3,
        "mentionCount": 1,
        "version": 3,
    }
    assert (await as_user(ada).data(query, id=general.pk))["room"]["unreadCount"] == 0


async def test_members_of_a_room_with_their_roles(as_user, ada, grace, general):
    query = """query($id: ID!) { room(id: $id) { members(first: 1) {
        totalCount edges { node { role user { username } } } } } }"""
    assert (await as_user(grace).data(query, id=general.pk))["room"]["members"] == {
        "totalCount": 2,
        "edges": [{"node": {"role": "OWNER", "user": {"username": "ada"}}}],
    }


NESTED = """{ rooms(first: 20) { totalCount edges { node { name unreadCount mentionCount
    members(first: 5) { totalCount edges { node { user { username } } } }
    messages(last: 20) { totalCount edges { node {
        text replyCount room { name } author { username lastSeenAt } } } } } } } }"""


async def _statements(client, monkeypatch) -> int:
    """How many SQL statements the nested query takes, with that which finds out who asks."""
    with recorded_statements(monkeypatch) as sent:
        await client.data(NESTED)
    return len(sent)


async def test_a_nested_query_takes_the_same_number_of_statements_however_many_rows(
    as_user, ada, grace, monkeypatch
):
    def fill(number: int) -> None:
        for n in range(number):
            room = Room.objects.create(name=f"room {Room.objects.count()}", version=20)
            Membership.objects.create(room=room, user=ada)
            Membership.objects.create(room=room, user=grace)
            Message.objects.bulk_create(
                Message(
                    room=room,
                    author=(ada, grace)[v % 2],
                    text=f"{n} {v}",
                    client_id=f"{room.pk}-{v}",
                    version=v,
                    posted_version=v,
                )
                for v in range(1, 21)
            )

    client = as_user(ada)
    await run_in_db(fill, 1)
    await client.data(NESTED)  # signs in, and opens the connections
    few = await _statements(client, monkeypatch)
    await run_in_db(fill, 19)
    many = await _statements(client, monkeypatch)

    assert few == many
    assert many <= 13
