"""When somebody was here last: noted once no connection of his or hers is left anywhere."""

import asyncio

import pytest

from chat.live.presence import ANYWHERE, Presence
from chat.models import User
from chat.tests.socket_client import sign_in
from chat.tests.waiting import eventually


async def test_users_are_gone_with_their_last_connection_in_any_process():
    gone: list[int] = []

    async def note(user_ids: list[int]) -> None:
        gone.extend(user_ids)

    here, there = Presence(on_gone=note), Presence(on_gone=note)
    user, room = 987_654_321, 555_001  # a room of no other test: who is in it outlives this one
    for presence, connection in ((here, "tab"), (there, "phone")):
        presence.enter(ANYWHERE, user, connection)
        presence.enter(room, user, connection)
    await eventually(lambda: not here._changed and not there._changed)
    here.leave(ANYWHERE, user, "tab")
    there.leave(room, user, "phone")
    await eventually(lambda: not here._changed and not there._changed)
    assert gone == []

    there.leave(ANYWHERE, user, "phone")

    await eventually(lambda: gone == [user])


@pytest.mark.django_db(transaction=True)
async def test_a_client_that_disconnects_was_here_until_then(ada, grace):
    client = await sign_in(grace)
    assert (await User.objects.aget(pk=grace.pk)).last_seen_at is None

    await client.disconnect()

    async with asyncio.timeout(60):
        while (await User.objects.aget(pk=grace.pk)).last_seen_at is None:  # noqa: ASYNC110  (there is no event for it)
            await asyncio.sleep(0.02)
    assert (await User.objects.aget(pk=ada.pk)).last_seen_at is None
