"""Subscriptions over WebSocket and SSE: nothing missed, nothing twice, nothing after access is lost."""

import asyncio

import pytest
from django.db.models import F

from chat import actions
from chat.actions import AnswerDraft, begin_draft, change_draft, save_partial
from chat.database import run_in_db
from chat.events import MessageDelta, Typing, publish
from chat.models import Membership, Message, Room, SignIn
from gql.context import Context
from gql.requests.operations import Operation
from gql.requests.persisted import request_operation
from gql.tests.client import EventStream, access_token, is_followed, is_left
from project.asgi import application
from rag.models import Answer

pytestmark = pytest.mark.django_db(transaction=True)

ADDED = """subscription($room: ID!, $since: Int) {
    messageAdded(roomId: $room, since: $since) { text version author { username } } }"""
EVENTS = """subscription($room: ID!, $since: Int) { roomEvents(roomId: $room, since: $since) { __typename
    ... on MessageAdded { message { text version room { version } } }
    ... on MessageUpdated { message { text version status } }
    ... on MessageDelta { messageId index text }
    ... on TypingChanged { typing user { username } }
    ... on PresenceChanged { presence user { username } } } }"""
ANSWER = """subscription($id: ID!) { answerStream(answerId: $id) { __typename
    ... on AnswerDelta { index text }
    ... on AnswerFinished { answer { status message { text } model } } } }"""


async def _post(user, room, text: str) -> Message:
    return await run_in_db(actions.post_message, user, room_id=room.pk, text=text)


async def test_each_new_message_comes_once_and_edits_do_not(open_socket, ada, grace, general):
    socket = await open_socket(grace).start()
    await socket.subscribe("1", ADDED, room=general.pk)
    await is_followed(general.pk)

    first = await _post(ada, general, "one")
    await run_in_db(actions.edit_message, ada, message_id=first.pk, text="one!")
    await _post(ada, general, "two")

    one, two = await socket.next_data(), await socket.next_data()
    assert one["messageAdded"] == {"text": "one", "version": 1, "author": {"username": "ada"}}
    assert two["messageAdded"] == {"text": "two", "version": 3, "author": {"username": "ada"}}
    assert await socket.is_silent()


async def test_since_gives_what_was_missed_and_then_what_comes(open_socket, ada, grace, general):
    for text in ("one", "two", "three"):
        await _post(ada, general, text)
    socket = await open_socket(grace).start()

    await socket.subscribe("1", ADDED, room=general.pk, since=1)
    missed = [(await socket.next_data())["messageAdded"]["text"] for _ in range(2)]
    await _post(ada, general, "four")

    assert missed == ["two", "three"]
    assert (await socket.next_data())["messageAdded"]["text"] == "four"
    assert await socket.is_silent()


async def test_more_is_replayed_than_fits_one_batch(open_socket, ada, grace, general, monkeypatch):
    monkeypatch.setattr("gql.subscriptions.feeds.PAGE_MESSAGES", 3)
    for n in range(1, 8):
        await _post(ada, general, f"m{n}")
    socket = await open_socket(grace).start()
    await socket.subscribe("1", ADDED, room=general.pk, since=0)
    assert [(await socket.next_data())["messageAdded"]["text"] for _ in range(7)] == [
        f"m{n}" for n in range(1, 8)
    ]
    assert await socket.is_silent()


async def test_posting_during_the_replay_loses_and_repeats_nothing(open_socket, ada, grace, general):
    socket = await open_socket(grace).start()
    await _post(ada, general, "m0")
    await socket.subscribe("1", ADDED, room=general.pk, since=0)
    await asyncio.gather(*(_post(ada, general, f"m{n}") for n in range(1, 20)))

    versions = [(await socket.next_data())["messageAdded"]["version"] for _ in range(20)]

    assert versions == list(range(1, 21))
    assert await socket.is_silent()


async def test_events_of_a_room_in_order_with_typing_and_deltas(open_socket, ada, grace, general):
    first = await _post(ada, general, "one")
    await run_in_db(actions.edit_message, ada, message_id=first.pk, text="one!")
    await _post(ada, general, "two")
    socket = await open_socket(grace).start()

    await socket.subscribe("1", EVENTS, room=general.pk, since=1)
    replayed = [(await socket.next_data())["roomEvents"] for _ in range(2)]
    await publish(Typing(general.pk, ada.pk, True))
    await publish(MessageDelta(general.pk, 77, 0, "wor"))
    await run_in_db(actions.edit_message, ada, message_id=first.pk, text="uno")
    live = [(await socket.next_data())["roomEvents"] for _ in range(3)]

    assert replayed == [
        {"__typename": "MessageUpdated", "message": {"text": "one!", "version": 2, "status": "FINAL"}},
        {"__typename": "MessageAdded", "message": {"text": "two", "version": 3, "room": {"version": 3}}},
    ]
    assert live == [
        {"__typename": "TypingChanged", "typing": True, "user": {"username": "ada"}},
        {"__typename": "MessageDelta", "messageId": "77", "index": 0, "text": "wor"},
        {"__typename": "MessageUpdated", "message": {"text": "uno", "version": 4, "status": "FINAL"}},
    ]


async def test_loaders_are_fresh_for_each_event(open_socket, ada, grace, general):
    socket = await open_socket(grace).start()
    await socket.subscribe("1", EVENTS, room=general.pk)
    await is_followed(general.pk)
    await _post(ada, general, "one")
    assert (await socket.next_data())["roomEvents"]["message"]["room"] == {"version": 1}
    await _post(ada, general, "two")
    assert (await socket.next_data())["roomEvents"]["message"]["room"] == {"version": 2}


async def test_a_lost_event_is_made_good_by_the_next(open_socket, ada, grace, general, monkeypatch):
    socket = await open_socket(grace).start()
    await socket.subscribe("1", ADDED, room=general.pk)
    await is_followed(general.pk)

    with monkeypatch.context() as patch:
        patch.setattr("chat.actions.messages.publish_committed", lambda *events: None)
        await _post(ada, general, "unannounced")
    await _post(ada, general, "announced")

    texts = [(await socket.next_data())["messageAdded"]["text"] for _ in range(2)]
    assert texts == ["unannounced", "announced"]
    assert await socket.is_silent()


async def test_who_is_removed_from_a_private_room_hears_no_more(
    open_socket, ada, grace, private, monkeypatch
):
    monkeypatch.setattr("chat.access.sweeps.SWEEP_INTERVAL_S", 0.2)
    await Membership.objects.acreate(room=private, user=grace)
    socket = await open_socket(grace).start()
    await socket.subscribe("1", ADDED, room=private.pk)
    await is_followed(private.pk)

    await Membership.objects.filter(user=grace).adelete()

    message = await socket.receive()
    assert message["payload"]["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert await socket.receive() == {"id": "1", "type": "complete"}
    await _post(ada, private, "secret")
    assert await socket.is_silent()


TYPING = """subscription($room: ID!) { roomEvents(roomId: $room) {
    ... on TypingChanged { user { username } } } }"""


@pytest.mark.parametrize("query", [EVENTS, TYPING], ids=["alone", "shared"])
async def test_who_becomes_a_guest_is_not_told_on_as_a_member(
    open_socket, ada, grace, private, monkeypatch, query
):
    """A guest is not told who stands outside the room; a member is."""
    monkeypatch.setattr("chat.access.sweeps.SWEEP_INTERVAL_S", 0.2)
    outsider = await type(ada).objects.acreate(username="bob")
    await Membership.objects.acreate(room=private, user=grace)
    socket = await open_socket(grace).start()
    await socket.subscribe("1", query, room=private.pk)
    await is_followed(private.pk)
    await publish(Typing(private.pk, outsider.pk, True))
    assert (await socket.next_data())["roomEvents"]["user"]["username"] == "bob"

    await type(grace).objects.filter(pk=grace.pk).aupdate(is_guest=True)
    await Membership.objects.filter(user=grace).aupdate(role="guest")

    message = await socket.receive()
    assert message["payload"]["errors"][0]["extensions"]["code"] == "CONFLICT"
    assert await socket.receive() == {"id": "1", "type": "complete"}
    await socket.subscribe("1", query, room=private.pk)
    await is_followed(private.pk)
    await publish(Typing(private.pk, outsider.pk, True))
    assert (await socket.next_data())["roomEvents"]["user"]["username"] == "hidden"


async def test_who_becomes_a_guest_hears_no_more_of_public_rooms(open_socket, ada, grace, monkeypatch):
    monkeypatch.setattr("chat.access.sweeps.SWEEP_INTERVAL_S", 0.2)
    public = await Room.objects.acreate(name="public", kind=Room.Kind.PUBLIC)
    socket = await open_socket(grace).start()
    await socket.subscribe("1", ADDED, room=public.pk)
    await is_followed(public.pk)

    await type(grace).objects.filter(pk=grace.pk).aupdate(is_guest=True)

    message = await socket.receive()
    assert message["payload"]["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_a_completed_subscription_is_silent(open_socket, ada, grace, general):
    socket = await open_socket(grace).start()
    await socket.subscribe("1", ADDED, room=general.pk)
    await is_followed(general.pk)
    await socket.send({"id": "1", "type": "complete"})
    await is_left(general.pk)
    await _post(ada, general, "one")
    assert await socket.is_silent()


# ------------------------------------------------------------------------------------------- answers


class RunningAnswer:
    """An answer that a test writes piece by piece, as the worker would."""

    def __init__(self, question: Message, bot) -> None:
        self.question, self.bot = question, bot

    async def begin(self) -> "RunningAnswer":
        def begin() -> Answer:
            from django.db import transaction

            with transaction.atomic(durable=True):
                draft = begin_draft(self.question, self.bot)
                return Answer.objects.create(
                    question=self.question, message=draft, assistant=self.bot, asked_by=self.question.author
                )

        self.answer = await run_in_db(begin)
        return self

    async def delta(self, index: int, text: str) -> None:
        await publish(MessageDelta(self.question.room_id, self.answer.message_id, index, text))

    async def save(self, text: str, delta_index: int) -> None:
        await self._step(save_partial, text=text, delta_index=delta_index)

    async def change(self, **draft) -> None:
        await self._step(change_draft, AnswerDraft(**draft))

    async def take_over(self) -> None:
        """Begin anew, as a worker does after another one died."""
        await run_in_db(Answer.objects.filter(pk=self.answer.pk).update, attempt=F("attempt") + 1)
        await self.change(text="", status="streaming")

    async def _step(self, step, *args, **kwargs) -> None:
        def run() -> None:
            from django.db import transaction

            with transaction.atomic(durable=True):
                step(self.answer.message_id, *args, **kwargs)

        await run_in_db(run)


@pytest.fixture
async def running(ada, parley, general) -> RunningAnswer:
    return await RunningAnswer(await _post(ada, general, "what is it?"), parley).begin()


async def _until_finished(socket) -> tuple[str, list[int], dict]:
    """The text as a client joins it, the indexes as they came, and the finished answer."""
    text = ""
    indexes: list[int] = []
    while True:
        event = (await socket.next_data())["answerStream"]
        if event["__typename"] == "AnswerFinished":
            assert await socket.receive() == {"id": "1", "type": "complete"}
            return text, indexes, event["answer"]
        text = event["text"] if event["index"] == 0 else text + event["text"]
        indexes.append(event["index"])


async def test_an_answer_is_followed_from_its_first_word_by_whoever_joins_late(open_socket, grace, running):
    await running.delta(0, "It ")
    await running.delta(1, "is ")
    await running.save("It is ", 2)
    socket = await open_socket(grace).start()
    await socket.subscribe("1", ANSWER, id=running.answer.pk)
    assert (await socket.next_data())["answerStream"] == {
        "__typename": "AnswerDelta",
        "index": 0,
        "text": "It is ",
    }

    await running.delta(1, "is ")  # late, and known
    await running.delta(2, "a ")
    await running.delta(3, "cat")
    await running.change(text="It is a cat.", status="final", delta_index=4)

    text, indexes, answer = await _until_finished(socket)
    assert (text, indexes) == ("a cat.", [1, 2, 3])
    assert answer == {"status": "FINAL", "message": {"text": "It is a cat."}, "model": ""}


async def test_a_finished_answer_is_one_delta_and_the_end(open_socket, grace, running):
    await running.change(text="A cat.", status="final")
    socket = await open_socket(grace).start()
    await socket.subscribe("1", ANSWER, id=running.answer.pk)
    assert await _until_finished(socket) == (
        "A cat.",
        [0],
        {"status": "FINAL", "message": {"text": "A cat."}, "model": ""},
    )


async def test_a_failed_answer_without_words_only_finishes(open_socket, grace, running):
    await running.change(text="", status="failed", error=("UNAVAILABLE", "The model did not answer."))
    socket = await open_socket(grace).start()
    await socket.subscribe("1", ANSWER, id=running.answer.pk)
    text, indexes, answer = await _until_finished(socket)
    assert (text, indexes, answer["status"]) == ("", [], "FAILED")


async def test_a_lost_delta_is_read_from_the_database(open_socket, grace, running):
    socket = await open_socket(grace).start()
    await socket.subscribe("1", ANSWER, id=running.answer.pk)
    await is_followed(running.question.room_id)
    await running.delta(0, "one ")
    assert (await socket.next_data())["answerStream"]["text"] == "one "

    await running.save("one two ", 2)
    await running.delta(2, "three")

    pieces = [(await socket.next_data())["answerStream"] for _ in range(2)]
    assert [(piece["index"], piece["text"]) for piece in pieces] == [(1, "two "), (2, "three")]


async def test_a_takeover_begins_the_text_anew(open_socket, grace, running):
    socket = await open_socket(grace).start()
    await socket.subscribe("1", ANSWER, id=running.answer.pk)
    await is_followed(running.question.room_id)
    await running.delta(0, "half a tho")
    await running.take_over()
    await running.delta(0, "A whole ")
    await running.delta(1, "thought")
    await running.change(text="A whole thought", status="final", delta_index=2)

    text, indexes, _ = await _until_finished(socket)
    assert text == "A whole thought"
    assert indexes in ([0, 0, 1], [0, 0])  # the second where it was read when it was finished already


async def test_an_answer_in_a_room_that_is_not_open_is_not_found(open_socket, ada, grace, parley, private):
    running = await RunningAnswer(await _post(ada, private, "what?"), parley).begin()
    socket = await open_socket(grace).start()
    await socket.subscribe("1", ANSWER, id=running.answer.pk)
    assert (await socket.receive())["payload"][0]["extensions"]["code"] == "NOT_FOUND"


# ---------------------------------------------------------------------------------- server-sent events


async def test_a_subscription_over_server_sent_events(ada, grace, general):
    await _post(ada, general, "one")
    stream = await EventStream(
        application, await access_token(grace), ADDED, room=str(general.pk), since=0
    ).start()
    assert stream.headers[b"content-type"] == b"text/event-stream; charset=utf-8"
    assert stream.headers[b"x-accel-buffering"] == b"no"
    events = stream.events()

    first = await anext(events)
    await _post(ada, general, "two")
    second = await anext(events)
    await stream.leave()

    assert [name for name, _ in (first, second)] == ["next", "next"]
    assert [data["data"]["messageAdded"]["text"] for _, data in (first, second)] == ["one", "two"]


async def test_queries_and_errors_over_server_sent_events(grace):
    token = await access_token(grace)

    async def everything(query: str) -> list:
        return [event async for event in (await EventStream(application, token, query).start()).events()]

    [(name, response), end] = await everything("{ me { username } }")
    assert (name, response["data"], end) == ("next", {"me": {"username": "grace"}}, ("complete", None))
    [(name, response), end] = await everything("{ nonsense }")
    assert (name, end) == ("next", ("complete", None))
    assert response["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_heartbeats_keep_the_stream_open(grace, general, monkeypatch):
    monkeypatch.setattr("gql.transports.sse.HEARTBEAT_S", 0.05)
    stream = await EventStream(application, await access_token(grace), ADDED, room=str(general.pk)).start()
    bodies = [(await stream.communicator.receive_output(60))["body"] for _ in range(3)]
    await stream.leave()
    assert bodies == [b":\n\n"] * 3


async def test_a_stream_ends_when_its_sign_in_is_revoked(grace, general, monkeypatch):
    monkeypatch.setattr("chat.access.sweeps.SWEEP_INTERVAL_S", 0.2)
    stream = await EventStream(application, await access_token(grace), ADDED, room=str(general.pk)).start()
    await SignIn.objects.all().aupdate(revoked_at="2026-01-01T00:00Z")
    [(_, response), end] = [event async for event in stream.events()]
    assert response["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert end == ("complete", None)


async def test_a_user_has_so_many_streams_and_no_more(as_user, grace, general, settings):
    settings.SOCKET_MAX_CONNECTIONS_PER_USER = 1
    settings.RATE_LIMITS = True
    stream = await EventStream(application, await access_token(grace), ADDED, room=str(general.pk)).start()

    refused = await as_user(grace).post("{ me { id } }", accept="text/event-stream")
    await stream.leave()
    let_in = await as_user(grace).post("{ me { id } }", accept="text/event-stream")

    assert refused.status_code == 429
    assert refused.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert let_in.status_code == 200


async def test_streams_that_are_asked_for_together_are_counted_together(
    as_user, grace, general, settings, monkeypatch
):
    settings.SOCKET_MAX_CONNECTIONS_PER_USER = 1
    settings.RATE_LIMITS = True
    client, one, both = as_user(grace), asyncio.Event(), asyncio.Event()

    async def prepare_together(raw: object, context: Context) -> Operation:
        (both if one.is_set() else one).set()
        await both.wait()  # whoever counts only afterwards has let the other one in
        return await request_operation(raw, context)

    monkeypatch.setattr("gql.transports.http.request_operation", prepare_together)
    first = asyncio.create_task(client.post("{ me { id } }", accept="text/event-stream"))
    await asyncio.wait_for(one.wait(), 60)
    second = await client.post("{ me { id } }", accept="text/event-stream")
    both.set()

    assert ((await first).status_code, second.status_code) == (200, 429)
    assert second.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert (await client.post("{ me { id } }", accept="text/event-stream")).status_code == 200


async def test_a_stream_that_is_refused_is_not_counted(as_user, grace, general, settings):
    settings.SOCKET_MAX_CONNECTIONS_PER_USER = 1
    settings.RATE_LIMITS = True
    client = as_user(grace)
    refused = await client.post("", accept="text/event-stream")  # no query

    assert refused.status_code == 400
    assert (await client.post("{ me { id } }", accept="text/event-stream")).status_code == 200
