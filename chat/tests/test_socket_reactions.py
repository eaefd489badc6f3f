"""`react` and `unreact` over Socket.IO: acknowledged, seen by the room, refused with a code."""

import pytest

from chat import actions
from chat.database import run_in_db
from chat.models import Reaction
from chat.tests.socket_client import disconnect_all, sign_in

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_reaction_is_acknowledged_and_reaches_the_room_in_one_form(ada, grace, general):
    message = await run_in_db(actions.post_message, ada, room_id=general.pk, text="Shall we?")
    writer, reader = await sign_in(grace), await sign_in(ada)
    await reader.emit("join-room", general.pk)

    given = await writer.emit("react", str(message.pk), "👍")
    assert given["ok"] and given["message"]["version"] == 2
    assert given["message"]["reactions"] == [{"emoji": "👍", "count": 1, "userIds": [str(grace.pk)]}]
    assert await reader.event("message-updated") == ["message-updated", given["message"]]

    assert await writer.emit("react", str(message.pk), "👍") == given
    taken = await writer.emit("unreact", str(message.pk), "👍")
    assert (taken["message"]["reactions"], taken["message"]["version"]) == ([], 3)
    assert await reader.event("message-updated") == ["message-updated", taken["message"]]
    assert await reader.no_event()
    await disconnect_all(writer, reader)


async def test_who_was_away_gets_the_reactions_with_the_message(ada, grace, general):
    message = await run_in_db(actions.post_message, ada, room_id=general.pk, text="Shall we?")
    await run_in_db(actions.add_reaction, grace, message_id=message.pk, emoji="👍")
    client = await sign_in(ada)

    await client.emit("join-room", general.pk, {"since": 1})

    _, updated = await client.event("message-updated")
    assert updated["reactions"] == [{"emoji": "👍", "count": 1, "userIds": [str(grace.pk)]}]
    await client.disconnect()


@pytest.mark.parametrize("event", ["react", "unreact"])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["{id}", "nice"], "BAD_USER_INPUT"),
        (["{id}", None], "BAD_USER_INPUT"),
        (["{id}"], "BAD_USER_INPUT"),
        (["0", "👍"], "NOT_FOUND"),
        ([{}, "👍"], "NOT_FOUND"),
    ],
)
async def test_a_reaction_with_the_wrong_arguments_is_refused(ada, grace, general, event, arguments, code):
    message = await run_in_db(actions.post_message, ada, room_id=general.pk, text="Shall we?")
    client, reader = await sign_in(grace), await sign_in(ada)
    await reader.emit("join-room", general.pk)

    answer = await client.emit(event, *[str(message.pk) if a == "{id}" else a for a in arguments])

    assert (answer["ok"], answer["error"]["code"]) == (False, code)
    assert not await Reaction.objects.aexists()
    assert await reader.no_event(0.05)
    await disconnect_all(client, reader)


async def test_a_message_of_a_closed_room_looks_absent(ada, grace, private):
    message = await run_in_db(actions.post_message, ada, room_id=private.pk, text="secret")
    client = await sign_in(grace)

    answer = await client.emit("react", str(message.pk), "👍")

    assert answer["error"]["code"] == "NOT_FOUND"
    assert not await Reaction.objects.aexists()
    await client.disconnect()
