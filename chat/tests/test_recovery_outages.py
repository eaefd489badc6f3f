"""Connection state recovery while the database or the channel layer is away."""

import pytest
from django.db import OperationalError

from chat import actions
from chat.errors import Unavailable
from chat.main_namespace import recovery
from chat.tests.posting import post_all
from chat.tests.recoverable import Recoverable
from chat.tests.socket_client import WireClient, access_token, disconnect_all

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_join_whose_row_was_written_without_an_answer_can_be_repeated(ada, general, monkeypatch):
    begin = actions.begin_socket_session

    def lose_answer(*args, **kwargs):
        begin(*args, **kwargs)
        raise OperationalError("the connection was lost after the commit")

    client = await Recoverable(ada).connect()
    with monkeypatch.context() as outage:
        outage.setattr(actions, "begin_socket_session", lose_answer)
        assert not (await client.wire.emit("join-room", str(general.pk)))["ok"]

    await client.join(general)

    await client.cut_off()
    await client.connect()
    assert client.recovered
    await disconnect_all(client.wire)


@pytest.mark.parametrize("when", ["the caller is looked up", "the session is taken over"])
async def test_a_client_that_comes_back_while_the_database_is_away_is_cut_off_and_keeps_its_session(
    ada, grace, general, monkeypatch, when
):
    client = await Recoverable(ada).connect()
    await client.join(general)
    await client.cut_off()
    await post_all(grace, general, "missed")

    def away(*args, **kwargs):
        raise OperationalError("the database is away")

    with monkeypatch.context() as outage:
        if when == "the caller is looked up":
            outage.setattr("chat.loop_database.LoopDatabase.fetch", away)
        else:
            outage.setattr(recovery.Record, "take_over", away)
        wire = await WireClient().open()
        await wire.send(f'40{{"pid":"{client.pid}","token":"{await access_token(ada)}"}}')
        assert await wire.closed() == []  # a CONNECT_ERROR would keep a stock client away for good

    await client.connect()
    assert client.recovered
    assert await client.texts(1) == ["missed"]
    await disconnect_all(client.wire)


async def test_a_client_that_comes_back_while_the_channel_layer_is_away_is_cut_off_and_keeps_its_session(
    ada, general, monkeypatch
):
    client = await Recoverable(ada).connect()
    await client.join(general)
    await client.cut_off()

    async def away(hub, group, listener):
        raise Unavailable("Live updates are not available.")

    with monkeypatch.context() as outage:
        outage.setattr("chat.live.hub.Hub.listen", away)
        wire = await WireClient().open()
        await wire.send(f'40{{"pid":"{client.pid}","token":"{await access_token(ada)}"}}')
        assert await wire.closed() == []

    await client.connect()
    assert client.recovered
    await disconnect_all(client.wire)
