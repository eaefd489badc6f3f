"""Messages by GraphQL count as one user's with those by Socket.IO and by the pages."""

import pytest

pytestmark = pytest.mark.django_db(transaction=True)
SEND = (
    """mutation($room: ID!, $text: String!) { sendMessage(input: {roomId: $room, text: $text}) { text } }"""
)


async def test_a_message_too_many_is_refused_with_its_code_and_when_to_come_back(
    as_user, ada, grace, general, limited
):
    limited("messages", user=(0.001, 1))
    assert (await as_user(ada).data(SEND, room=general.pk, text="one"))["sendMessage"]["text"] == "one"

    refused = await as_user(ada).error(SEND, room=general.pk, text="two")

    assert refused["code"] == "RATE_LIMITED"
    assert refused["retryAfter"] > 1
    assert (await as_user(grace).data(SEND, room=general.pk, text="three"))["sendMessage"]["text"] == "three"
