"""Presence as GraphQL tells it."""

import pytest

from chat.live.presence import ACTIVE, current_presence
from chat.tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)

PRESENCE = "query($id: ID!) { user(id: $id) { presence } }"


async def _let_time_pass(user) -> None:
    """Until the user has done nothing for long."""
    presence = current_presence()
    await eventually(lambda: not presence._changed and not presence._acted)
    await presence._redis.zadd(presence._room_key(ACTIVE), {str(user.pk): 1})
    presence._acted_at.clear()


async def _state(as_user, viewer, user) -> str:
    await eventually(lambda: not current_presence()._acted)
    return (await as_user(viewer).data(PRESENCE, id=user.pk))["user"]["presence"]


async def test_who_is_connected_and_does_nothing_becomes_idle(open_socket, as_user, ada, grace):
    await open_socket(grace).start()
    await _let_time_pass(grace)
    assert await _state(as_user, ada, grace) == "IDLE"


async def test_an_operation_on_the_socket_ends_it(open_socket, as_user, ada, grace):
    socket = await open_socket(grace).start()
    await _let_time_pass(grace)
    await socket.subscribe("1", "{ me { id } }")
    await socket.next_data()
    assert await _state(as_user, ada, grace) == "ONLINE"


async def test_a_mutation_by_http_ends_it(open_socket, as_user, ada, grace, general):
    await open_socket(grace).start()
    await _let_time_pass(grace)
    await as_user(grace).data(PRESENCE, id=ada.pk)  # to read is no sign of a person
    assert await _state(as_user, ada, grace) == "IDLE"

    post = "mutation($input: SendMessageInput!) { sendMessage(input: $input) { id } }"
    await as_user(grace).data(post, input={"roomId": str(general.pk), "text": "back"})

    assert await _state(as_user, ada, grace) == "ONLINE"
