import asyncio

import pytest
from channels_redis.pubsub import RedisPubSubChannelLayer

from chat.errors import Unavailable
from chat.events import Typing, publish, room_group
from chat.live import hub as hub_module
from chat.live import layer_watch
from chat.live.delivery import RESYNC, Delivery
from chat.live.groups import EVERY_PROCESS
from chat.live.hub import Hub, current_hub, subscribe
from chat.tests.waiting import eventually
from project.embedded.addresses import embedded_addresses
from project.embedded.valkey import Valkey

ROOM = room_group(1)


def typing(user_id: int = 1) -> Typing:
    return Typing(room_id=1, user_id=user_id, typing=True)


def stored(version: int) -> Delivery:
    return Delivery(ROOM, "new-message", {"version": version})


def shown(deliveries: list[Delivery]) -> list[object]:
    """Versions, and the names of what has none."""
    return [delivery.version or delivery.name for delivery in deliveries]


@pytest.fixture
def quick_probes(monkeypatch):
    monkeypatch.setattr(layer_watch, "PROBE_INTERVAL_S", 0.05)
    monkeypatch.setattr(hub_module, "HOLE_PATIENCE_S", 0.05)


async def test_an_event_reaches_every_listener_of_its_group_and_no_other():
    here: list[Delivery] = []
    also_here: list[Delivery] = []
    elsewhere: list[Delivery] = []
    hub = current_hub()
    await hub.listen(ROOM, here.append)
    await hub.listen(ROOM, also_here.append)
    await hub.listen(room_group(2), elsewhere.append)

    await publish(typing())

    await eventually(lambda: here and also_here)
    assert here[0] is also_here[0]
    assert (here[0].group, here[0].name, here[0].data) == (ROOM, "typing", typing().data())
    assert elsewhere == []


async def test_an_event_is_encoded_once_however_many_ask():
    asked = []

    def encode(delivery: Delivery) -> str:
        asked.append(delivery)
        return delivery.name

    delivery = Delivery(ROOM, "typing", {})

    assert [delivery.encoded(encode), delivery.encoded(encode)] == ["typing", "typing"]
    assert len(asked) == 1


async def test_the_second_joiner_waits_for_the_subscription(monkeypatch):
    hub = Hub()
    gate = asyncio.Event()
    group_add = hub._layer.group_add

    async def slow_group_add(group, channel):
        await gate.wait()
        await group_add(group, channel)

    monkeypatch.setattr(hub._layer, "group_add", slow_group_add, raising=False)
    also: list[Delivery] = []
    first = asyncio.create_task(hub.listen(ROOM, print))
    second = asyncio.create_task(hub.listen(ROOM, also.append))
    await asyncio.sleep(0.02)
    assert not first.done() and not second.done()

    gate.set()

    await asyncio.wait_for(asyncio.gather(first, second), 60)


async def test_the_last_listener_to_leave_ends_the_subscription():
    hub = current_hub()
    one: list[Delivery] = []
    two: list[Delivery] = []
    first, second = one.append, two.append
    await hub.listen(ROOM, first)
    await hub.listen(ROOM, second)

    await hub.stop_listening(ROOM, first)
    assert hub._subscribed == {ROOM}
    await hub.stop_listening(ROOM, second)

    assert hub._subscribed == set()


async def test_leaving_and_joining_at_once_stays_joined():
    hub = current_hub()
    seen: list[Delivery] = []
    await hub.listen(ROOM, print)

    await asyncio.gather(hub.stop_listening(ROOM, print), hub.listen(ROOM, seen.append))

    await publish(typing())
    await eventually(lambda: seen)


async def test_a_cancelled_joiner_leaves_nothing_behind():
    hub = current_hub()
    joining = asyncio.create_task(hub.listen(ROOM, print))
    await asyncio.sleep(0)
    joining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await joining
    seen: list[Delivery] = []

    await hub.listen(ROOM, seen.append)

    await publish(typing())
    await eventually(lambda: seen)


async def test_a_cancelled_joiner_leaves_no_subscription(monkeypatch):
    hub = Hub()
    gate = asyncio.Event()
    group_add = hub._layer.group_add

    async def slow_group_add(group, channel):
        await gate.wait()
        await group_add(group, channel)

    monkeypatch.setattr(hub._layer, "group_add", slow_group_add, raising=False)
    joining = asyncio.create_task(hub.listen(ROOM, print))
    await asyncio.sleep(0.02)
    joining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await joining

    gate.set()

    await eventually(lambda: not hub._lock.locked())
    assert hub._subscribed == set()
    assert [name for name in hub._layer._get_layer().groups if not name.endswith(EVERY_PROCESS)] == []


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"type": "events"},
        {"type": "events", "origin": "", "groups": {ROOM: [["typing", None]]}},
        {"type": "events", "origin": "", "groups": {ROOM: [["typing", None, "{}"]]}},
        {"type": "events", "origin": "", "groups": {ROOM: [["new-message", None, b"{}"]]}},
        {"type": "events", "origin": "", "groups": {ROOM: [["typing", 7, b"{}"]]}},
    ],
)
async def test_a_message_that_cannot_be_used_counts_as_lost(quick_probes, caplog, message):
    seen: list[Delivery] = []
    hub = current_hub()
    await hub.listen(ROOM, seen.append)

    await hub._layer.send(hub._watch.channel, message)

    await eventually(lambda: RESYNC in [delivery.name for delivery in seen])
    assert "could not be used" in caplog.text
    await publish(typing())
    await eventually(lambda: seen[-1].name == "typing")


async def test_a_probe_that_fails_as_nobody_foresaw_counts_as_lost_and_the_next_one_works(
    quick_probes, caplog, monkeypatch
):
    seen: list[Delivery] = []
    hub = current_hub()
    await hub.listen(ROOM, seen.append)

    with monkeypatch.context() as bug:
        bug.setattr(hub._layer, "send", lambda *args: 1 / 0)
        await eventually(lambda: "could not be probed" in caplog.text)

    await eventually(lambda: [delivery.name for delivery in seen] == [RESYNC])


async def test_bytes_that_are_no_message_count_as_lost(quick_probes, caplog):
    seen: list[Delivery] = []
    hub = current_hub()
    await hub.listen(ROOM, seen.append)

    hub._layer._get_layer().channels[hub._watch.channel].put_nowait(b"\xc1")

    await eventually(lambda: [delivery.name for delivery in seen] == [RESYNC])
    assert "could not be read" in caplog.text
    await publish(typing())
    await eventually(lambda: seen[-1].name == "typing")


async def test_a_listener_that_fails_does_not_cost_the_others_their_event(caplog):
    def broken(delivery: Delivery) -> None:
        raise ValueError("broken")

    seen: list[Delivery] = []
    hub = current_hub()
    await hub.listen(ROOM, broken)
    await hub.listen(ROOM, seen.append)

    await publish(typing())

    await eventually(lambda: seen)
    assert "a listener failed" in caplog.text


async def test_two_hubs_see_the_same_events_in_the_same_order():
    first, second = Hub(), Hub()
    at_first: list[Delivery] = []
    at_second: list[Delivery] = []
    await first.listen(ROOM, at_first.append)
    await second.listen(ROOM, at_second.append)

    await asyncio.gather(*(publish(typing(n)) for n in range(50)))

    await eventually(lambda: len(at_first) == len(at_second) == 50)
    assert [delivery.data for delivery in at_first] == [delivery.data for delivery in at_second]


async def test_a_version_that_never_arrives_makes_listeners_resync(quick_probes):
    seen: list[Delivery] = []
    hub = current_hub()
    await hub.listen(ROOM, seen.append)

    for version in (4, 6, 7):
        hub.take(ROOM, [stored(version)])

    await eventually(lambda: seen[-1].name == RESYNC)
    assert shown(seen) == [4, RESYNC]
    hub.take(ROOM, [stored(7), stored(8)])
    assert shown(seen) == [4, RESYNC, 8]


async def test_the_first_version_that_arrives_must_follow_the_one_that_was_read(quick_probes):
    seen: list[Delivery] = []
    hub = current_hub()
    await hub.listen(ROOM, seen.append)
    hub.note_floor(ROOM, 10)

    hub.take(ROOM, [stored(12)])

    await eventually(lambda: shown(seen) == [RESYNC])


async def test_a_version_that_somebody_read_must_arrive_for_those_who_listen(quick_probes):
    seen: list[Delivery] = []
    hub = current_hub()
    await hub.listen(ROOM, seen.append)
    hub.note_floor(ROOM, 10)

    hub.note_floor(ROOM, 11)

    await eventually(lambda: [delivery.name for delivery in seen] == [RESYNC])


async def test_a_version_that_arrives_after_it_was_read_causes_no_resync(quick_probes):
    seen: list[Delivery] = []
    hub = current_hub()
    await hub.listen(ROOM, seen.append)
    hub.note_floor(ROOM, 10)
    hub.note_floor(ROOM, 11)

    hub.take(ROOM, [stored(11)])

    await asyncio.sleep(0.2)
    assert [delivery.name for delivery in seen] == ["new-message"]


async def test_versions_that_overtake_each_other_are_handed_on_in_order(quick_probes):
    seen: list[Delivery] = []
    hub = current_hub()
    await hub.listen(ROOM, seen.append)

    for version in (4, 6, 6, 5, 4, 7):
        hub.take(ROOM, [stored(version)])

    await asyncio.sleep(0.2)
    assert shown(seen) == [4, 5, 6, 7]


async def test_a_reconnect_of_the_layer_makes_listeners_resync(quick_probes):
    seen: list[Delivery] = []
    hub = current_hub()
    await hub.listen(ROOM, seen.append)
    [shard] = hub._layer._get_layer()._shards

    await shard._pubsub.connection.disconnect()

    await eventually(lambda: seen)
    assert [delivery.name for delivery in seen] == [RESYNC]
    await publish(typing())
    await eventually(lambda: len(seen) == 2)


async def test_a_subscription_iterates_over_events():
    async with subscribe(ROOM) as events:
        await publish(typing(7))

        delivery = await asyncio.wait_for(anext(aiter(events)), 60)

    assert delivery.data["userId"] == "7"
    assert current_hub()._groups == {}


async def test_a_reader_that_falls_behind_gets_a_resync_instead():
    async with subscribe(ROOM, limit=2) as events:
        for n in range(3):
            events(Delivery(ROOM, "typing", {"n": n}))

        assert (await anext(events)).name == RESYNC


@pytest.mark.parametrize("data", [b"{}", b"[]", b'{"userId":null,"roomId":"1"}', b'{"userId":"1"}', b"\xff"])
def test_what_is_about_nobody_is_no_event(data):
    with pytest.raises(ValueError):
        Delivery.received(ROOM, "user-joined", None, data)


async def test_a_backlog_is_handed_on_in_bursts_that_let_others_run():
    hub, pauses = current_hub(), []
    seen: list[Delivery] = []
    await hub.listen(ROOM, seen.append)
    queue = hub._layer._get_layer().channels[hub._watch.channel]
    event = ["typing", None, b'{"userId":"1","roomId":"1"}']
    message = hub._layer.serialize({"type": "events", "origin": "", "groups": {ROOM: [event]}})

    for _ in range(500):
        queue.put_nowait(message)
    while len(seen) < 500:
        await asyncio.sleep(0)
        pauses.append(len(seen))

    assert max(after - before for before, after in zip(pauses, pauses[1:], strict=False)) <= 50


async def test_a_restart_of_redis_is_survived_and_told(quick_probes, monkeypatch, tmp_path):
    addresses = embedded_addresses(tmp_path)
    valkey = Valkey(addresses, say=lambda line: None)
    valkey.start(with_parent=True)
    layer = RedisPubSubChannelLayer(hosts=[addresses.redis_url])
    monkeypatch.setattr(hub_module, "get_channel_layer", lambda: layer)
    monkeypatch.setattr("chat.live.publisher.get_channel_layer", lambda: layer)
    seen: list[Delivery] = []
    hub = Hub()
    await hub.listen(ROOM, seen.append)
    await publish(typing(1))
    await eventually(lambda: seen)

    valkey.stop()
    with pytest.raises(Unavailable):
        await hub.listen(room_group(2), print)
    valkey.start(with_parent=True)

    await eventually(lambda: seen[-1].name == RESYNC)
    await publish(typing(2))
    await eventually(lambda: seen[-1].data.get("userId") == "2")
    await hub.listen(room_group(2), print)
    valkey.stop()
    addresses.remove()
