"""An event that nobody announced, since its process was killed after the commit, is found in the database."""

import asyncio

import pytest

from chat import actions
from chat.database import run_in_db
from chat.events import room_group
from chat.live import hub as hub_module
from chat.live import safety_net
from chat.live.delivery import RESYNC
from chat.live.hub import current_hub
from chat.live.safety_net import compare_versions
from chat.tests.socket_client import sign_in
from chat.tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def never_announced(monkeypatch):
    monkeypatch.setattr("chat.events.announce_committed", lambda events: None)


async def test_a_message_that_was_never_announced_arrives(ada, grace, general, never_announced, monkeypatch):
    monkeypatch.setattr(safety_net, "INTERVAL_S", 0.05)
    monkeypatch.setattr(hub_module, "HOLE_PATIENCE_S", 0.05)
    client = await sign_in(grace)
    await client.emit("join-room", general.pk)

    await run_in_db(actions.post_message, ada, room_id=general.pk, text="unheard of")

    assert (await client.event("new-message"))[1]["text"] == "unheard of"
    await client.disconnect()


async def test_a_look_that_fails_as_nobody_foresaw_is_followed_by_others(monkeypatch, caplog):
    monkeypatch.setattr(safety_net, "INTERVAL_S", 0.01)

    class Watched:
        looks = 0

        def groups(self) -> list[str]:
            self.looks += 1
            raise ValueError("a bug")

    hub = Watched()
    watching = asyncio.create_task(safety_net.watch_versions(hub))

    await eventually(lambda: hub.looks > 2)

    watching.cancel()
    assert "could not be compared" in caplog.text


async def test_listeners_who_did_not_say_what_they_know_are_told_to_read_once(ada, general, never_announced):
    heard: list[str] = []
    hub = current_hub()
    await hub.listen(room_group(general.pk), lambda delivery: heard.append(delivery.name))

    await compare_versions(hub)
    await compare_versions(hub)

    assert heard == [RESYNC]


async def test_a_room_that_is_level_is_left_alone(ada, general, monkeypatch):
    monkeypatch.setattr(hub_module, "HOLE_PATIENCE_S", 0.05)
    heard: list[str] = []
    hub = current_hub()
    await hub.listen(room_group(general.pk), lambda delivery: heard.append(delivery.name))
    hub.note_floor(room_group(general.pk), 0)
    await run_in_db(actions.post_message, ada, room_id=general.pk, text="heard")
    await eventually(lambda: heard)

    await compare_versions(hub)
    await eventually(lambda: hub._groups[room_group(general.pk)].check is None)

    assert heard == ["new-message"]
