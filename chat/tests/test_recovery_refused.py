"""Connection state recovery: whose session is not given back."""

import asyncio

import pytest

from chat import actions
from chat.database import run_in_db
from chat.live.presence import ANYWHERE, current_presence
from chat.main_namespace.socket import ChatSocket
from chat.models import SocketSession, User
from chat.tests.posting import post_all
from chat.tests.recoverable import Recoverable, no_session_is_left
from chat.tests.socket_client import WireClient, access_token, disconnect_all

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_deactivated_user_is_refused_whatever_the_pid(ada, general):
    client = await Recoverable(ada).connect()
    await client.join(general)
    token = await access_token(ada)
    await client.cut_off()
    await User.objects.filter(pk=ada.pk).aupdate(is_active=False)

    wire = await WireClient().open()
    answer = await wire.connect({"pid": client.pid, "token": token})

    assert answer.startswith("44")
    await disconnect_all(wire)


async def test_the_pid_of_somebody_else_recovers_nothing(ada, grace, random):
    victim = await Recoverable(ada).connect()
    await victim.join(random)
    await victim.cut_off()
    thief = Recoverable(grace)
    thief.pid, thief.offset = victim.pid, "1:1"

    await thief.connect()

    assert not thief.recovered
    assert thief.pid != victim.pid
    await post_all(ada, random, "for ada")
    assert await thief.wire.no_event()
    assert (await SocketSession.objects.aget()).user_id == ada.pk
    await disconnect_all(thief.wire)


@pytest.mark.parametrize(
    "auth",
    [
        {"pid": "nobody"},
        {"pid": "x" * 41},
        {"pid": "a\x00b"},
        {"pid": 5},
        {"pid": ["x"]},
        {"pid": None, "offset": "1:1"},
        {"pid": ""},
    ],
    ids=str,
)
async def test_a_pid_that_nobody_was_given_gives_a_new_session(ada, auth):
    client = await Recoverable(ada).connect(**auth)

    assert not client.recovered
    assert client.pid and client.pid != auth["pid"]
    await disconnect_all(client.wire)


async def test_who_said_goodbye_is_not_recovered(ada, general):
    client = await Recoverable(ada).connect()
    await client.join(general)
    await client.wire.send("41")

    await no_session_is_left()
    await client.cut_off()
    await client.connect()

    assert not client.recovered
    await disconnect_all(client.wire)


async def test_who_was_thrown_out_is_not_recovered(ada, general, monkeypatch):
    monkeypatch.setattr("chat.access.sweeps.SWEEP_INTERVAL_S", 0.05)
    client = await Recoverable(ada).connect()
    await client.join(general)

    await run_in_db(actions.end_all_sign_ins, [ada.pk])
    await client.wire.event("session-ended")
    await client.wire.closed()

    await no_session_is_left()


async def test_clients_that_come_back_together_do_not_pass_the_cap_of_connections(
    ada, general, limited, settings, monkeypatch
):
    settings.SOCKET_MAX_CONNECTIONS_PER_USER = 2
    clients = []
    for _ in range(4):
        clients.append(await Recoverable(ada).connect())
        await clients[-1].join(general)
        await clients[-1].cut_off()
    all_are_here, here = asyncio.Event(), []
    recover = ChatSocket.recover

    async def together(socket, record, positions):
        here.append(socket)
        if len(here) == len(clients):
            all_are_here.set()
        await all_are_here.wait()
        await recover(socket, record, positions)

    monkeypatch.setattr(ChatSocket, "recover", together)
    wires = [await WireClient().open() for _ in clients]
    token = await access_token(ada)
    answers = await asyncio.gather(
        *(wire.connect({"token": token, "pid": one.pid}) for wire, one in zip(wires, clients, strict=True))
    )

    assert sorted(answer[:2] for answer in answers) == ["40", "40", "44", "44"]
    assert current_presence().count(ANYWHERE, ada.pk) == 2
    assert current_presence().count(general.pk, ada.pk) == 2
    await disconnect_all(*wires)
