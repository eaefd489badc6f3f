"""Messages and changes by GraphQL count as one user's, and one address', with those by Socket.IO and by the pages."""

import httpx2
import pytest

from chat import actions
from chat.models import Message, Reaction
from gql.tests.client import GraphQLClient
from project.asgi import application

pytestmark = pytest.mark.django_db(transaction=True)
HERE = "192.0.2.1"
SLOW = 0.001  # per second: nothing comes back within a test
SEND = (
    """mutation($room: ID!, $text: String!) { sendMessage(input: {roomId: $room, text: $text}) { text } }"""
)


@pytest.fixture
def message(ada, general) -> Message:
    return actions.post_message(ada, room_id=general.pk, text="first")


async def test_a_message_too_many_is_refused_with_its_code_and_when_to_come_back(
    as_user, ada, grace, general, limited
):
    limited("messages", user=(SLOW, 1))
    assert (await as_user(ada).data(SEND, room=general.pk, text="one"))["sendMessage"]["text"] == "one"

    refused = await as_user(ada).error(SEND, room=general.pk, text="two")

    assert refused["code"] == "RATE_LIMITED"
    assert refused["retryAfter"] > 1
    assert (await as_user(grace).data(SEND, room=general.pk, text="three"))["sendMessage"]["text"] == "three"


async def test_messages_of_several_people_at_one_address_count_together(ada, grace, general, limited):
    limited("messages", address=(SLOW, 1))
    transport = httpx2.ASGITransport(app=application, client=(HERE, 1))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
        await GraphQLClient(http, ada).data(SEND, room=general.pk, text="one")

        refused = await GraphQLClient(http, grace).error(SEND, room=general.pk, text="two")

    assert refused["code"] == "RATE_LIMITED"


@pytest.mark.parametrize(
    "change",
    [
        'editMessage(messageId: $id, text: "changed")',
        "deleteMessage(messageId: $id)",
        'addReaction(messageId: $id, emoji: "🔥")',
        'removeReaction(messageId: $id, emoji: "🎉")',
    ],
)
async def test_a_change_too_many_is_refused_and_changes_nothing(as_user, ada, message, limited, change):
    limited("changes", user=(SLOW, 1))
    ask = "mutation($id: ID!) { %s { version } }"
    await as_user(ada).data(ask % 'addReaction(messageId: $id, emoji: "🎉")', id=message.pk)

    refused = await as_user(ada).error(ask % change, id=message.pk)

    assert refused["code"] == "RATE_LIMITED"
    await message.arefresh_from_db()
    assert (message.text, message.deleted_at) == ("first", None)
    assert [reaction.emoji async for reaction in Reaction.objects.filter(message=message)] == ["🎉"]


async def test_each_change_of_a_request_counts(as_user, ada, message, limited):
    limited("changes", user=(SLOW, 10))
    kinds = ("addReaction", "removeReaction")
    fields = " ".join(f'a{n}: {kinds[n % 2]}(messageId: $id, emoji: "🎉") {{ version }}' for n in range(11))

    answer = await as_user(ada).run(f"mutation($id: ID!) {{ {fields} }}", id=message.pk)

    [error] = answer["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["a10"], "RATE_LIMITED")
    before = message.version
    await message.arefresh_from_db()
    assert message.version == before + 10
