"""What leaves a process: at once to its own listeners, joined and in order to the others."""

import asyncio

import pytest
from django.db import transaction
from redis.exceptions import ConnectionError as RedisConnectionError

from chat.database import run_in_db, served_loop
from chat.events import MessageDelta, MessagePosted, publish, publish_on_commit, room_group
from chat.live import publisher as publisher_module
from chat.live.delivery import Delivery
from chat.live.groups import EVERY_PROCESS
from chat.live.hub import Hub, current_hub
from chat.live.publisher import Publisher, current_publisher
from chat.tests.waiting import eventually

ROOM = room_group(1)


def delta(index: int, room_id: int = 1) -> MessageDelta:
    return MessageDelta(room_id, 7, index, "x")


def delivery(index: int, room_id: int = 1) -> Delivery:
    return Delivery(room_group(room_id), "message-delta", {"index": index})


class Layer:
    """Keeps what is sent. A send waits for `gate`, and fails while `is_down`."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, list[int]]]] = []
        self.gate = asyncio.Event()
        self.is_down = False

    async def group_send(self, group, message) -> None:
        await self.gate.wait()
        if self.is_down:
            raise RedisConnectionError("away")
        assert message["origin"] == current_hub().origin
        indexes = {
            room: [Delivery.received(room, *event).data["index"] for event in events]
            for room, events in message["groups"].items()
        }
        self.sent.append((group, indexes))


@pytest.fixture
def layer(monkeypatch) -> Layer:
    layer = Layer()
    monkeypatch.setattr(publisher_module, "get_channel_layer", lambda: layer)
    return layer


async def test_what_is_announced_while_a_message_is_on_its_way_leaves_as_one(layer):
    publisher = Publisher()
    publisher.announce([delivery(0)])
    await asyncio.sleep(0)

    for index in range(1, 5):
        publisher.announce([delivery(index), delivery(index, room_id=2)])
    layer.gate.set()
    await publisher.sent()

    several = {ROOM: [1, 2, 3, 4], room_group(2): [1, 2, 3, 4]}
    assert layer.sent == [(ROOM, {ROOM: [0]}), (EVERY_PROCESS, several)]


async def test_a_message_has_a_bounded_number_of_events(layer, monkeypatch):
    monkeypatch.setattr(publisher_module, "MESSAGE_MAX_EVENTS", 2)
    publisher = Publisher()
    layer.gate.set()

    publisher.announce([delivery(index) for index in range(5)])
    await publisher.sent()

    assert layer.sent == [(ROOM, {ROOM: [0, 1]}), (ROOM, {ROOM: [2, 3]}), (ROOM, {ROOM: [4]})]


async def test_a_message_for_several_groups_is_bounded_too_and_each_group_keeps_its_order(layer, monkeypatch):
    monkeypatch.setattr(publisher_module, "MESSAGE_MAX_EVENTS", 3)
    publisher, other = Publisher(), room_group(2)
    layer.gate.set()

    publisher.announce([delivery(index, room_id) for index in range(4) for room_id in (1, 2)])
    await publisher.sent()

    told = [group for _, message in layer.sent for group in message.items()]
    assert all(sum(map(len, message.values())) <= 3 for _, message in layer.sent)
    for group in (ROOM, other):
        assert [index for name, indexes in told if name == group for index in indexes] == [0, 1, 2, 3]


async def test_an_outage_is_logged_once_and_survived(layer, caplog):
    publisher = Publisher()
    layer.gate.set()
    layer.is_down = True
    for index in range(3):
        publisher.announce([delivery(index)])
        await publisher.sent()
    assert caplog.text.count("could not be sent") == 1
    layer.is_down = False

    publisher.announce([delivery(3)])
    await publisher.sent()

    assert layer.sent == [(ROOM, {ROOM: [3]})]


async def test_while_nothing_leaves_what_waits_is_bounded(layer, monkeypatch, caplog):
    monkeypatch.setattr(publisher_module, "WAITING_MAX_EVENTS", 4)
    publisher, heard = Publisher(), []
    await current_hub().listen(ROOM, heard.append)

    for index in range(10):
        publisher.announce([delivery(index)])
    layer.gate.set()
    await publisher.sent()

    assert [event.data["index"] for event in heard] == list(range(10))
    assert sum(len(message[ROOM]) for _, message in layer.sent) == 4
    assert caplog.text.count("too many events wait") == 1


async def test_local_listeners_hear_at_once_and_only_once():
    here, there = current_hub(), Hub()
    heard_here: list[Delivery] = []
    heard_there: list[Delivery] = []
    await here.listen(ROOM, heard_here.append)
    await there.listen(ROOM, heard_there.append)

    await publish(delta(0))
    assert len(heard_here) == 1
    await publish(delta(1))

    await eventually(lambda: len(heard_there) == 2)
    assert [event.data["index"] for event in heard_here] == [0, 1]
    assert [event.data for event in heard_there] == [event.data for event in heard_here]


async def test_events_of_several_rooms_reach_the_listeners_of_each_in_another_process():
    heard: dict[str, list[int]] = {room_group(room_id): [] for room_id in (1, 2)}
    there = Hub()
    for group, indexes in heard.items():
        await there.listen(group, lambda event, to=indexes: to.append(event.data["index"]))

    current_publisher().announce([delivery(index, room_id) for index in range(3) for room_id in (1, 2, 3)])

    await eventually(lambda: all(len(indexes) == 3 for indexes in heard.values()))
    assert heard == {group: [0, 1, 2] for group in heard}


@pytest.mark.django_db(transaction=True)
async def test_the_events_of_a_commit_reach_the_loop_in_one_go(monkeypatch):
    announced: list[list[Delivery]] = []
    monkeypatch.setattr(Publisher, "announce", lambda self, deliveries: announced.append(list(deliveries)))

    def commit() -> None:
        with transaction.atomic():
            publish_on_commit(delta(0), delta(1))
            assert announced == []

    await run_in_db(commit)
    await eventually(lambda: announced)

    assert [[event.data["index"] for event in events] for events in announced] == [[0, 1]]


@pytest.mark.django_db(transaction=True)
async def test_a_rollback_announces_nothing(monkeypatch):
    announced: list[list[Delivery]] = []
    monkeypatch.setattr(Publisher, "announce", lambda self, deliveries: announced.append(list(deliveries)))

    def roll_back() -> None:
        with pytest.raises(ValueError, match="rolled back"), transaction.atomic():
            publish_on_commit(delta(0))
            raise ValueError("rolled back")

    await run_in_db(roll_back)
    await asyncio.sleep(0.05)

    assert announced == []


@pytest.mark.django_db(transaction=True)
async def test_code_without_an_event_loop_announces_before_it_goes_on(layer):
    layer.gate.set()
    sent_by_then: list[tuple[str, dict[str, list[int]]]] = []

    def commit() -> None:  # as a management command
        assert served_loop() is None
        with transaction.atomic():
            publish_on_commit(delta(0), delta(1))
        sent_by_then.extend(layer.sent)

    await asyncio.to_thread(commit)

    assert sent_by_then == [(ROOM, {ROOM: [0, 1]})]


@pytest.mark.django_db(transaction=True)
async def test_what_code_without_an_event_loop_announces_is_heard_by_processes_that_have_one():
    heard: list[Delivery] = []
    await current_hub().listen(ROOM, heard.append)

    def commit() -> None:
        with transaction.atomic():
            publish_on_commit(MessagePosted({"roomId": "1", "version": 1}), delta(0))

    await asyncio.to_thread(commit)

    await eventually(lambda: len(heard) == 2)
    assert [event.name for event in heard] == ["new-message", "message-delta"]


@pytest.mark.django_db(transaction=True)
async def test_the_loop_is_known_only_to_the_function_that_it_waits_for():
    loop = asyncio.get_running_loop()

    assert await run_in_db(served_loop) is loop
    assert await asyncio.to_thread(served_loop) is None
