"""Subscriptions: whoever may read what is followed gets its events, until the access is lost."""

import pytest

from chat.access import sweeps
from chat.events import MessageDelta, Typing, UserJoined, publish
from chat.models import Membership
from gql.tests.authorisation.matrix import READERS
from gql.tests.authorisation.operations import leaves, operations
from gql.tests.authorisation.test_matrix import TYPES
from gql.tests.client import Socket, is_followed
from rag.models import Document

pytestmark = pytest.mark.django_db(transaction=True)
FOLLOWED = {"room": "private", "answer": "running", "document": "private"}


@pytest.mark.parametrize("operation", operations("subscription"), ids=lambda one: one.name)
async def test_a_subscription_ends_within_five_seconds_of_its_access(
    operation, open_socket, world, monkeypatch
):
    """The sweep's own interval is below five seconds; here it is shorter, for a quick test."""
    assert sweeps.SWEEP_INTERVAL_S < 5
    monkeypatch.setattr("chat.access.sweeps.SWEEP_INTERVAL_S", 0.2)
    unfinished = {"status": Document.Status.EMBEDDING, "error_code": "", "error_message": ""}
    await Document.objects.filter(pk=world.objects["document"]["private"]).aupdate(**unfinished)
    ids = {one: world.objects[one.kind][FOLLOWED[one.kind]] for one in operation.id_arguments()}
    socket = await open_socket(world.people["mia"]).start()
    await socket.subscribe("1", operation.text, **operation.variables(ids, {}))
    if "document" in {one.kind for one in ids}:
        await socket.next_data()  # how far it is, as soon as it is followed
    else:
        await is_followed(int(world.objects["room"]["private"]))

    await Membership.objects.filter(user=world.people["mia"]).adelete()

    last = await _last(socket)
    assert [error["extensions"]["code"] for error in last["payload"]["errors"]] == ["NOT_FOUND"]
    assert await socket.receive() == {"id": "1", "type": "complete"}
    assert await socket.is_silent()


async def _last(socket: Socket) -> dict:
    """The first message with an error; events before it are skipped."""
    while True:
        message = await socket.receive()
        assert message["type"] == "next", message
        if "errors" in message["payload"]:
            return message


async def test_every_event_is_heard_by_a_member(open_socket, world):
    """Else the refusals of test_matrix.py would say nothing."""
    room_id = int(world.objects["room"]["private"])
    ann = world.people["ann"]
    socket = await open_socket(world.people["mia"]).start()
    for number, (name, followed) in enumerate((("roomEvents", "ROOM"), ("answerStream", "ANSWER"))):
        types = [
            one for one, readers in READERS.items() if followed in readers.entry and name in readers.entry
        ]
        members = " ".join(f"... on {one} {_everything(one)}" for one in types)
        text = READERS[types[0]].entry.replace(f"... on {types[0]} {{ FIELD }}", f"__typename {members}")
        kind, which = ("room", "private") if followed == "ROOM" else ("answer", "finished")
        text = text.replace(followed, f'"{world.objects[kind][which]}"').replace("since: 0", "since: 1")
        await socket.subscribe(str(number), f"subscription {{ {text} }}")
        await is_followed(room_id)  # before the answer is, which is in the same room
    for event in (
        Typing(room_id, ann.pk, True),
        MessageDelta(room_id, 1, 0, "x"),
        UserJoined(room_id, ann.pk),
    ):
        await publish(event)

    wanted = {one for one, readers in READERS.items() if readers.root == "subscription"}
    heard: set[str] = set()
    while wanted - heard:
        message = await socket.receive()
        if message["type"] == "next":
            assert "errors" not in message["payload"], message
            heard |= {one["__typename"] for one in message["payload"]["data"].values()}


def _everything(name: str) -> str:
    """All fields of the type, those of its objects down to the leaves; named apart, for a union."""
    fields = [f"{name}_{field}: {field} {leaves(type_.type)}" for field, type_ in TYPES[name].fields.items()]
    return "{ " + " ".join(fields) + " }"
