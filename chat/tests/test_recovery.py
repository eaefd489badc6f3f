"""Connection state recovery: what a client gets back that was cut off."""

import asyncio
from datetime import timedelta
from functools import partial

import orjson
import pytest
from django.db import OperationalError
from django.utils import timezone

from chat import actions, events
from chat.access.sweeps import current_sweeper
from chat.database import run_in_db
from chat.errors import Unavailable
from chat.live.delivery import Delivery
from chat.live.frames import event_packet
from chat.live.offsets import format_offset
from chat.live.presence import ANYWHERE, current_presence
from chat.main_namespace import recovery
from chat.main_namespace.socket import ChatSocket
from chat.models import Membership, Room, SocketSession, User
from chat.tests.people import chat_model
from chat.tests.socket_client import WireClient, access_token, disconnect_all
from chat.tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


class Recoverable:
    """A client as the stock ones are: it keeps its pid and its last offset, and sends them when it connects again."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.pid: str | None = None
        self.offset: str | None = None
        self.recovered = False
        self.wire = WireClient()

    async def connect(self, **extra: object) -> "Recoverable":
        kept = {"pid": self.pid, "offset": self.offset} if self.pid else {}
        kept = {name: value for name, value in kept.items() if value is not None}
        self.wire = await WireClient().open()
        answer = await self.wire.connect({**kept, "token": await access_token(self.user), **extra})
        assert answer.startswith("40"), answer
        pid = orjson.loads(answer[2:]).get("pid")
        self.recovered = pid is not None and pid == self.pid
        self.pid = pid
        return self

    async def join(self, room: Room, **options: int) -> int:
        answer = await self.wire.emit("join-room", str(room.pk), *([options] if options else []))
        assert answer["ok"], answer
        return answer["version"]

    async def cut_off(self) -> None:
        await self.wire.disconnect()

    async def message(self) -> dict:
        """The next message."""
        while True:
            name, *arguments = await self.wire.event()
            if isinstance(arguments[-1], str):
                self.offset = arguments.pop()
            if name in ("new-message", "message-updated"):
                return arguments[0]

    async def texts(self, number: int) -> list[str]:
        return [(await self.message())["text"] for _ in range(number)]


async def post(user: User, room: Room, *texts: str) -> list:
    return [await run_in_db(actions.post_message, user, room_id=room.pk, text=text) for text in texts]


async def no_session_is_left() -> None:
    async with asyncio.timeout(5):
        while await SocketSession.objects.aexists():  # noqa: ASYNC110  (there is no event for it)
            await asyncio.sleep(0.01)


@pytest.fixture
def random(ada, grace) -> Room:
    """A second room of both."""
    room = chat_model("Room").objects.create(name="random", kind="private")
    for user in (ada, grace):
        chat_model("Membership").objects.create(room=room, user=user)
    return room


async def test_a_client_that_was_cut_off_gets_its_rooms_and_what_it_missed(ada, grace, general):
    client = await Recoverable(ada).connect()
    assert client.pid and not client.recovered
    await client.join(general)
    await client.cut_off()
    await post(grace, general, "one", "two")

    await client.connect()

    assert client.recovered
    assert await client.texts(2) == ["one", "two"]
    await post(grace, general, "three")
    assert await client.texts(1) == ["three"]
    await disconnect_all(client.wire)


async def test_each_message_carries_how_far_the_client_is_in_all_its_rooms(ada, grace, general, random):
    client = await Recoverable(ada).connect()
    await post(grace, random, "before")
    await client.join(general)
    await client.join(random)

    await post(grace, general, "one")
    await client.message()
    assert client.offset == format_offset({general.pk: 1, random.pk: 1})

    await post(grace, random, "two")
    await client.message()
    assert client.offset == format_offset({general.pk: 1, random.pk: 2})
    await disconnect_all(client.wire)


async def test_a_replayed_message_carries_its_own_position(ada, grace, general):
    await post(grace, general, "one", "two", "three")
    client = await Recoverable(ada).connect()
    await client.join(general, since=0)

    offsets = []
    for _ in range(3):
        await client.message()
        offsets.append(client.offset)

    assert offsets == [f"{general.pk}:{version}" for version in (1, 2, 3)]
    await disconnect_all(client.wire)


async def test_a_replayed_message_carries_its_own_position_where_versions_were_overtaken(ada, grace, general):
    first, *_ = await post(grace, general, "one", "two", "three")
    await run_in_db(actions.edit_message, grace, message_id=first.pk, text="one, edited")
    client = await Recoverable(ada).connect()
    await client.join(general, since=0)

    seen = []
    for _ in range(3):
        message = await client.message()
        seen.append((message["text"], client.offset))

    assert seen == [
        ("two", f"{general.pk}:2"),
        ("three", f"{general.pk}:3"),
        ("one, edited", f"{general.pk}:4"),
    ]
    await disconnect_all(client.wire)


async def test_rooms_in_which_the_last_message_was_not_are_recovered_from_their_own_positions(
    ada, grace, general, random
):
    client = await Recoverable(ada).connect()
    await client.join(general)
    await client.join(random)
    await post(grace, random, "seen in random")
    await post(grace, general, "seen in general")
    assert await client.texts(2) == ["seen in random", "seen in general"]
    await client.cut_off()
    await post(grace, random, "r1")
    await post(grace, general, "g1")
    await post(grace, random, "r2")

    await client.connect()

    missed = await client.texts(3)
    assert [text for text in missed if text[0] == "r"] == ["r1", "r2"]
    assert [text for text in missed if text[0] == "g"] == ["g1"]
    assert client.offset == format_offset({general.pk: 2, random.pk: 3})
    assert await client.wire.no_event()
    await disconnect_all(client.wire)


async def test_a_client_cut_off_within_the_replay_goes_on_there(ada, grace, general):
    client = await Recoverable(ada).connect()
    await client.join(general)
    await client.cut_off()
    await post(grace, general, "one", "two", "three")
    await client.connect()
    assert await client.texts(1) == ["one"]
    await client.cut_off()

    await client.connect()

    assert client.recovered
    assert await client.texts(2) == ["two", "three"]
    await disconnect_all(client.wire)


async def test_more_is_missed_than_fits_into_one_page(ada, grace, general, monkeypatch):
    monkeypatch.setattr("chat.live.room_feed.PAGE_MESSAGES", 5)
    client = await Recoverable(ada).connect()
    await client.join(general)
    await client.cut_off()
    texts = [f"number {n}" for n in range(17)]
    await post(grace, general, *texts)

    await client.connect()

    assert await client.texts(17) == texts
    await disconnect_all(client.wire)


async def test_a_message_that_was_deleted_meanwhile_comes_in_its_final_state(ada, grace, general):
    client = await Recoverable(ada).connect()
    await client.join(general)
    await post(grace, general, "seen")
    await client.message()
    await client.cut_off()
    [message] = await post(grace, general, "secret")
    await run_in_db(actions.delete_message, grace, message_id=message.pk)

    await client.connect()

    missed = await client.message()
    assert (missed["id"], missed["text"], missed["version"]) == (str(message.pk), "", 3)
    assert missed["deletedAt"] is not None
    await disconnect_all(client.wire)


async def test_typing_and_presence_go_on_after_recovery(ada, grace, general):
    other = await Recoverable(grace).connect()
    await other.join(general)
    client = await Recoverable(ada).connect()
    await client.join(general)
    await other.wire.event("user-joined")
    await client.cut_off()
    await other.wire.event("user-left")

    await client.connect()

    assert await other.wire.event("user-joined") == ["user-joined", str(ada.pk), {"roomId": str(general.pk)}]
    assert (await client.wire.emit("typing", str(general.pk), True))["ok"]
    assert (await other.wire.event("typing"))[1]["userId"] == str(ada.pk)
    await disconnect_all(client.wire, other.wire)


async def test_a_room_that_was_left_is_not_recovered(ada, grace, general, random):
    client = await Recoverable(ada).connect()
    await client.join(general)
    await client.join(random)
    await client.wire.emit("leave-room", str(random.pk))
    await client.cut_off()
    await post(grace, random, "not for the client")
    await post(grace, general, "for the client")

    await client.connect()

    assert await client.texts(1) == ["for the client"]
    assert await client.wire.no_event()
    await disconnect_all(client.wire)


async def test_a_room_joined_anew_is_recovered_from_there_not_from_an_older_position(ada, grace, general):
    client = await Recoverable(ada).connect()
    await client.join(general)
    await post(grace, general, "seen")
    await client.message()
    await client.wire.emit("leave-room", str(general.pk))
    await post(grace, general, "while it was out")
    await client.join(general)
    await client.cut_off()
    await post(grace, general, "missed")

    await client.connect()

    assert await client.texts(1) == ["missed"]
    await disconnect_all(client.wire)


async def test_a_room_lost_meanwhile_is_named_and_the_others_are_recovered(ada, grace, general, random):
    client = await Recoverable(grace).connect()
    await client.join(general)
    await client.join(random)
    await client.cut_off()
    await Membership.objects.filter(user=grace, room=random).adelete()
    await post(ada, random, "not for grace")
    await post(ada, general, "for grace")

    await client.connect()

    assert client.recovered
    assert await client.wire.event("room-lost") == ["room-lost", {"roomId": str(random.pk)}]
    assert await client.texts(1) == ["for grace"]
    assert (await SocketSession.objects.aget()).rooms.keys() == {str(general.pk)}
    await post(ada, random, "still not")
    assert await client.wire.no_event()
    await disconnect_all(client.wire)


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
    await post(ada, random, "for ada")
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


@pytest.mark.parametrize(
    "offset", ["rubbish", 5, ["1:1"], "1:-1", "1:1,1:2", "1:99999999999999999999", "1" * 50_000]
)
async def test_an_offset_that_was_never_given_out_recovers_nothing(ada, general, offset):
    client = await Recoverable(ada).connect()
    await client.join(general)
    await client.cut_off()
    pid, client.offset = client.pid, offset

    await client.connect()

    assert not client.recovered
    assert client.pid != pid
    await disconnect_all(client.wire)


async def test_a_position_beyond_the_room_misses_nothing_that_comes_later(ada, grace, general):
    client = await Recoverable(ada).connect()
    await client.join(general)
    await client.cut_off()
    client.offset = f"{general.pk}:{2**62}"
    await post(grace, general, "skipped")

    await client.connect()

    await post(grace, general, "live")
    assert await client.texts(1) == ["live"]
    await disconnect_all(client.wire)


async def test_positions_in_rooms_that_were_not_joined_open_none(ada, grace, general, random):
    client = await Recoverable(ada).connect()
    await client.join(general)
    await client.cut_off()
    client.offset = format_offset({general.pk: 0, random.pk: 0})
    await post(grace, random, "in random")
    await post(grace, general, "in general")

    await client.connect()

    assert await client.texts(1) == ["in general"]
    assert await client.wire.no_event()
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


async def test_nothing_is_stored_before_the_first_join_or_for_who_declines(ada, general):
    waiting = await Recoverable(ada).connect()
    declined = await Recoverable(ada).connect(recovery=False)
    await declined.join(general)

    assert waiting.pid is not None
    assert declined.pid is None
    assert not await SocketSession.objects.aexists()
    await post(ada, general, "without an offset")
    assert len(await declined.wire.event("new-message")) == 2
    await disconnect_all(waiting.wire, declined.wire)


async def test_a_connection_that_was_replaced_is_closed_when_it_changes_its_rooms(
    ada, grace, general, random
):
    client = await Recoverable(ada).connect()
    await client.join(general)
    half_open = client.wire
    await client.connect()
    assert client.recovered

    await half_open.send(f'420["join-room","{random.pk}"]')
    frames = await half_open.closed()

    assert not any(frame.startswith("430") for frame in frames)
    assert (await SocketSession.objects.aget()).rooms.keys() == {str(general.pk)}
    await post(grace, general, "for the new one")
    assert await client.texts(1) == ["for the new one"]
    await disconnect_all(client.wire)


async def test_the_goodbye_of_a_connection_that_was_replaced_ends_nothing(ada, general):
    client = await Recoverable(ada).connect()
    await client.join(general)
    half_open = client.wire
    await client.connect()

    await half_open.send("41")
    await half_open.disconnect()

    await client.cut_off()
    await client.connect()
    assert client.recovered
    await disconnect_all(client.wire)


async def test_a_session_that_nobody_came_back_to_for_a_day_is_gone(ada, general):
    client = await Recoverable(ada).connect()
    await client.join(general)
    await client.cut_off()
    await SocketSession.objects.aupdate(updated_at=timezone.now() - timedelta(hours=25))

    await client.connect()

    assert not client.recovered
    await disconnect_all(client.wire)


def test_sessions_are_kept_while_their_clients_are_there(ada):
    day_ago = timezone.now() - timedelta(hours=25)
    for pid in ("live", "gone", "recent"):
        actions.begin_socket_session(ada, pid=pid, sid="s", rooms={})
    SocketSession.objects.exclude(pid="recent").update(updated_at=day_ago)

    actions.keep_socket_sessions(["live"])

    assert actions.remove_old_socket_sessions() == 1
    assert actions.remove_old_socket_sessions() == 0

    assert set(SocketSession.objects.values_list("pid", flat=True)) == {"live", "recent"}


async def test_the_keeper_removes_what_is_too_old_at_once(ada, general):
    await SocketSession.objects.acreate(
        pid="gone", sid="s", user=ada, updated_at=timezone.now() - timedelta(days=2)
    )
    keeper = recovery.Keeper()

    keeper.add("live")

    await no_session_is_left()


async def test_the_keeper_removes_a_chunk_after_the_other(ada, monkeypatch):
    monkeypatch.setattr("chat.actions.socket_sessions.REMOVED_AT_ONCE", 2)
    removed = []
    remove = actions.remove_old_socket_sessions
    monkeypatch.setattr(
        actions, "remove_old_socket_sessions", lambda: removed.append(remove()) or removed[-1]
    )
    old = {"sid": "s", "user": ada, "updated_at": timezone.now() - timedelta(days=2)}
    await SocketSession.objects.abulk_create([SocketSession(pid=f"gone {n}", **old) for n in range(5)])
    keeper = recovery.Keeper()

    keeper.add("live")

    await no_session_is_left()
    await eventually(lambda: len(removed) == 4)
    assert removed == [2, 2, 1, 0]


async def test_the_keeper_survives_what_nobody_foresaw(ada, monkeypatch, caplog):
    monkeypatch.setattr(recovery, "KEEP_INTERVAL_S", 0.05)
    keep = actions.keep_socket_sessions
    calls = []

    def fail_once(pids):
        calls.append(pids)
        if len(calls) == 1:
            raise ValueError("a bug")
        keep(pids)

    monkeypatch.setattr(actions, "keep_socket_sessions", fail_once)
    keeper = recovery.Keeper()
    keeper.add("live")

    await eventually(lambda: len(calls) > 1)

    assert "could not be kept" in caplog.records.pop(0).message
    assert keeper._task is not None
    keeper._task.cancel()


def test_a_session_whose_beginning_went_unanswered_may_be_begun_again_by_the_same_socket_only(ada):
    begin = partial(actions.begin_socket_session, ada, pid="p")
    assert begin(sid="mine", rooms={1: 5})

    assert begin(sid="mine", rooms={1: 5, 2: 7})
    assert not begin(sid="another", rooms={3: 1})

    assert SocketSession.objects.values_list("sid", "rooms").get() == ("mine", {"1": 5, "2": 7})


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


def test_of_a_users_sessions_the_newest_stay(ada, grace, monkeypatch):
    monkeypatch.setattr("chat.actions.socket_sessions.SESSIONS_MAX", 3)
    for number in range(6):
        actions.begin_socket_session(ada, pid=f"a{number}", sid="s", rooms={})
        actions.begin_socket_session(grace, pid="hers", sid="s", rooms={})

    assert set(SocketSession.objects.values_list("pid", flat=True)) == {"a3", "a4", "a5", "hers"}


@pytest.mark.parametrize("when", ["the caller is looked up", "the session is taken over"])
async def test_a_client_that_comes_back_while_the_database_is_away_is_cut_off_and_keeps_its_session(
    ada, grace, general, monkeypatch, when
):
    client = await Recoverable(ada).connect()
    await client.join(general)
    await client.cut_off()
    await post(grace, general, "missed")

    def away(*args, **kwargs):
        raise OperationalError("the database is away")

    with monkeypatch.context() as outage:
        if when == "the caller is looked up":
            outage.setattr("chat.access.authentication.AccessToken", away)
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


async def test_no_event_but_the_recoverable_ones_ends_in_a_string(ada, general):
    message = {"roomId": "1", "version": 1}
    samples = {
        events.MessagePosted: (message,),
        events.MessageUpdated: (message,),
        events.MessageDelta: (1, 2, 0, "text"),
        events.UserJoined: (1, 2),
        events.UserLeft: (1, 2),
        events.Typing: (1, 2, True),
        events.MembershipsChanged: (1, (2,)),
    }
    announced = {
        one
        for one in vars(events).values()
        if isinstance(one, type) and isinstance(vars(one).get("name"), str)
    }
    assert announced == set(samples)
    for kind, values in samples.items():
        event = kind(*values)
        packet = event_packet(Delivery(event.group(), event.name, event.data()))
        assert not isinstance(orjson.loads(packet[2:])[-1], str), packet


async def test_a_socket_refuses_to_emit_what_a_stock_client_would_take_for_an_offset(ada):
    client = await Recoverable(ada).connect()
    [socket] = current_sweeper()._live

    with pytest.raises(ValueError, match="must not end in a string"):
        socket.emit("note", {"a": 1}, "text")

    await disconnect_all(client.wire)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("EIO=4&transport=websocket", True),
        ("EIO=4&transport=polling&t=pm2k3a8x", True),
        ("EIO=4&transport=websocket&t=1700000000.1234567", False),
    ],
)
def test_python_socketio_is_given_no_pid(query, wanted):
    assert recovery.wants_recovery({"query_string": query.encode()}, {}) is wanted
