"""Who loses a room loses its feed."""

import asyncio

import pytest

from chat.access import sweeps
from chat.live.presence import Presence
from chat.main_namespace import socket as chat_socket
from chat.models import Membership
from chat.tests.posting import post
from chat.tests.socket_client import sign_in
from chat.tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def quick_sweeps(monkeypatch):
    monkeypatch.setattr(sweeps, "SWEEP_INTERVAL_S", 0.1)


async def test_a_removed_member_loses_the_feed(ada, grace, private, quick_sweeps):
    await Membership.objects.acreate(room=private, user=grace)
    client = await sign_in(grace)
    await client.emit("join-room", private.pk)

    await Membership.objects.filter(user=grace).adelete()

    assert await client.event("room-lost") == ["room-lost", {"roomId": str(private.pk)}]
    await post(ada, private, "secret")
    assert await client.no_event()
    await client.disconnect()


async def test_access_lost_while_a_room_is_joined_gives_no_feed(
    ada, grace, private, quick_sweeps, monkeypatch
):
    """The member is removed after access was checked, while the handler still asks who is there."""
    await Membership.objects.acreate(room=private, user=grace)
    users_in = Presence.users_in

    async def slowly(presence: Presence, room_id: int) -> list[int]:
        if room_id == private.pk:
            await Membership.objects.filter(user=grace).adelete()
            await eventually(lambda: lost)
        return await users_in(presence, room_id)

    lost: list[int] = []
    lose_room = chat_socket.ChatSocket.lose_room

    def noted(socket: chat_socket.ChatSocket, room_id: int) -> None:
        lost.append(room_id)
        lose_room(socket, room_id)

    monkeypatch.setattr(Presence, "users_in", slowly)
    monkeypatch.setattr(chat_socket.ChatSocket, "lose_room", noted)
    client = await sign_in(grace)

    answer = await client.emit("join-room", private.pk, {"since": 0})

    assert answer["error"]["code"] == "NOT_FOUND"
    await post(ada, private, "secret")
    assert await client.event("room-lost") == ["room-lost", {"roomId": str(private.pk)}]
    assert await client.no_event()
    await client.disconnect()


async def test_a_lost_room_is_silent_at_once_however_long_others_take(
    ada, grace, private, quick_sweeps, monkeypatch
):
    await Membership.objects.acreate(room=private, user=grace)
    client = await sign_in(grace)
    await client.emit("join-room", private.pk)
    await client.emit("typing", private.pk, True)
    gate = asyncio.Event()

    async def stuck(event) -> None:
        await gate.wait()

    monkeypatch.setattr(chat_socket, "publish", stuck)  # a publisher that waits for Redis
    await Membership.objects.filter(user=grace).adelete()

    assert await client.event("room-lost") == ["room-lost", {"roomId": str(private.pk)}]
    await post(ada, private, "secret")
    assert await client.no_event()
    gate.set()
    await client.disconnect()
