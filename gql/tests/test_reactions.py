"""Reactions through GraphQL: given, taken back, seen by others, refused without a change."""

import pytest

from chat import actions, reactions
from chat.database import run_in_db
from chat.models import Membership, Reaction

pytestmark = pytest.mark.django_db(transaction=True)

FIELDS = "{ version reactions { emoji count mine userIds } }"
ADD = f"mutation($id: ID!, $emoji: String!) {{ addReaction(messageId: $id, emoji: $emoji) {FIELDS} }}"
REMOVE = f"mutation($id: ID!, $emoji: String!) {{ removeReaction(messageId: $id, emoji: $emoji) {FIELDS} }}"


@pytest.fixture
def message(ada, general):
    return actions.post_message(ada, room_id=general.pk, text="Shall we?")


async def test_a_reaction_is_given_and_taken_back(as_user, ada, grace, message):
    await run_in_db(actions.add_reaction, ada, message_id=message.pk, emoji="👍")

    given = (await as_user(grace).data(ADD, id=message.pk, emoji="👍"))["addReaction"]
    again = (await as_user(grace).data(ADD, id=message.pk, emoji="👍"))["addReaction"]
    taken = (await as_user(grace).data(REMOVE, id=message.pk, emoji="👍"))["removeReaction"]

    both = {"emoji": "👍", "count": 2, "mine": True, "userIds": [str(ada.pk), str(grace.pk)]}
    assert given == again == {"version": 3, "reactions": [both]}
    one = {"emoji": "👍", "count": 1, "mine": False, "userIds": [str(ada.pk)]}
    assert taken == {"version": 4, "reactions": [one]}


async def test_a_page_of_messages_tells_its_reactions_and_which_are_ones_own(
    as_user, ada, grace, message, monkeypatch
):
    monkeypatch.setattr(reactions, "USERS_LISTED", 1)  # Grace is counted, and not listed
    for person in (ada, grace):
        await run_in_db(actions.add_reaction, person, message_id=message.pk, emoji="👍")
    await run_in_db(actions.add_reaction, ada, message_id=message.pk, emoji="🎉")
    query = (
        "query($id: ID!) { room(id: $id) { messages { edges { node { reactions { emoji count mine } } } } } }"
    )

    page = await as_user(grace).data(query, id=message.room_id)

    [edge] = page["room"]["messages"]["edges"]
    assert edge["node"]["reactions"] == [
        {"emoji": "👍", "count": 2, "mine": True},
        {"emoji": "🎉", "count": 1, "mine": False},
    ]


async def test_a_subscriber_gets_the_reaction_as_an_update(open_socket, ada, grace, message):
    socket = await open_socket(ada).start()
    query = """subscription($id: ID!) { roomEvents(roomId: $id, since: 1) { ... on MessageUpdated {
        message { version reactions { emoji count mine } } } } }"""
    await socket.subscribe("1", query, id=str(message.room_id))
    await run_in_db(actions.add_reaction, grace, message_id=message.pk, emoji="👍")

    event = await socket.next_data()

    shown = {"version": 2, "reactions": [{"emoji": "👍", "count": 1, "mine": False}]}
    assert event["roomEvents"]["message"] == shown


@pytest.mark.parametrize("mutation", [ADD, REMOVE])
async def test_a_refused_reaction_changes_nothing(as_user, ada, grace, message, private, mutation):
    secret = await run_in_db(actions.post_message, ada, room_id=private.pk, text="secret")
    await run_in_db(actions.add_reaction, ada, message_id=secret.pk, emoji="👍")
    client = as_user(grace)

    assert (await client.error(mutation, id=secret.pk, emoji="👍"))["code"] == "NOT_FOUND"
    refused = await client.error(mutation, id=message.pk, emoji="nice")
    assert (refused["code"], refused["fields"]) == ("BAD_USER_INPUT", {"emoji": "must be one emoji"})
    assert (await as_user(None).error(mutation, id=message.pk, emoji="👍"))["code"] == "UNAUTHENTICATED"
    await Membership.objects.filter(user=grace).adelete()
    assert (await client.error(mutation, id=message.pk, emoji="👍"))["code"] == "FORBIDDEN"

    assert await Reaction.objects.acount() == 1
    for untouched, version in ((message, 1), (secret, 2)):
        await untouched.arefresh_from_db()
        assert untouched.version == version
