import asyncio

import pytest
from django.db import DataError, OperationalError

from chat.actions import Post, Posted
from chat.errors import Conflict, Unavailable
from chat.main_namespace.group_writer import GroupWriter, _write_to_database
from chat.models import Message, User
from chat.tests.waiting import eventually

AUTHOR = User(pk=1, username="ada")


def post(text: str, room_id: int = 1) -> Post:
    return Post(AUTHOR, room_id, f"client-{text}", text, text)


def stored(one: Post) -> Posted:
    return Posted({"roomId": str(one.room_id), "text": one.text}, None, True)


class Database:
    """Takes batches one at a time when let go; `failures` are raised by the next calls, None is a success."""

    def __init__(self, *failures: Exception | None) -> None:
        self.batches: list[list[str]] = []
        self.failures = list(failures)
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, posts):
        self.batches.append([one.text for one in posts])
        await self.open.wait()
        if self.failures and (failure := self.failures.pop(0)) is not None:
            raise failure
        if any(one.text == "poison" for one in posts):
            raise DataError("poison")
        return [stored(one) for one in posts]


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_posts_of_one_tick_are_one_batch():
    database = Database()
    writer = GroupWriter(database)

    messages = await asyncio.gather(*(writer.submit(post(text)) for text in "abc"))

    assert database.batches == [["a", "b", "c"]]
    assert [message["text"] for message in messages] == ["a", "b", "c"]


async def test_what_waits_for_a_busy_room_is_one_batch():
    database = Database()
    database.open.clear()
    writer = GroupWriter(database)
    first = writer.submit(post("a"))
    await turns()
    later = [writer.submit(post(text)) for text in "bcd"]
    await turns()
    assert database.batches == [["a"]]

    database.open.set()

    await asyncio.gather(first, *later)
    assert database.batches == [["a"], ["b", "c", "d"]]


async def test_a_busy_room_does_not_hold_up_another():
    database = Database()
    database.open.clear()
    writer = GroupWriter(database, writers=2, patience_s=0.001)
    waiting = [writer.submit(post("a", room_id=1))]
    await turns()

    waiting += [writer.submit(post("b", room_id=1)), writer.submit(post("c", room_id=2))]
    await eventually(lambda: len(database.batches) > 1)

    assert database.batches == [["a"], ["c"]]
    database.open.set()
    await asyncio.gather(*waiting)


async def test_a_second_writer_leaves_a_few_posts_to_the_first():
    database = Database()
    database.open.clear()
    writer = GroupWriter(database, writers=2, max_batch=6, patience_s=60)
    waiting = [writer.submit(post("a", room_id=1))]
    await turns()

    waiting += [writer.submit(post("b", room_id=2)), writer.submit(post("c", room_id=3))]
    await turns()
    assert database.batches == [["a"]]
    database.open.set()
    await asyncio.gather(*waiting)

    assert database.batches == [["a"], ["b", "c"]]


async def test_half_a_batch_is_enough_for_a_second_writer():
    database = Database()
    database.open.clear()
    writer = GroupWriter(database, writers=2, max_batch=4, patience_s=60)
    waiting = [writer.submit(post("a", room_id=1))]
    await turns()

    waiting += [writer.submit(post("b", room_id=2)), writer.submit(post("c", room_id=3))]
    await turns()

    assert database.batches == [["a"], ["b", "c"]]
    database.open.set()
    await asyncio.gather(*waiting)


async def test_a_batch_is_never_larger_than_allowed():
    database = Database()
    writer = GroupWriter(database, max_batch=2)

    await asyncio.gather(*(writer.submit(post(text)) for text in "abcde"))

    assert database.batches == [["a", "b"], ["c", "d"], ["e"]]


async def test_too_many_waiting_posts_are_refused():
    database = Database()
    database.open.clear()
    writer = GroupWriter(database, max_waiting=2)
    waiting = [writer.submit(post("a")), writer.submit(post("b"))]

    with pytest.raises(Unavailable):
        writer.submit(post("c"))

    database.open.set()
    await asyncio.gather(*waiting)


async def test_a_poisoned_post_fails_alone():
    database = Database()
    writer = GroupWriter(database)

    results = await asyncio.gather(
        *(writer.submit(post(text)) for text in ("a", "poison", "b")), return_exceptions=True
    )

    assert [result["text"] if isinstance(result, dict) else type(result) for result in results] == [
        "a",
        DataError,
        "b",
    ]


async def test_a_refused_post_raises_its_error():
    refusal = Conflict("archived")

    async def write(posts):
        return [Posted(None, refusal, False)]

    with pytest.raises(Conflict, match="archived"):
        await GroupWriter(write).submit(post("a"))


async def test_a_lost_connection_is_tried_once_more():
    database = Database(OperationalError("closed"))

    message = await GroupWriter(database).submit(post("a"))

    assert message["text"] == "a"
    assert database.batches == [["a"], ["a"]]


@pytest.mark.django_db(transaction=True)
async def test_a_post_whose_commit_was_never_heard_of_is_announced_by_the_retry(
    ada, general, announced, monkeypatch
):
    tries = []

    async def write(posts):
        tries.append(posts)
        if len(tries) > 1:
            return await _write_to_database(posts)
        with monkeypatch.context() as patch:
            patch.setattr("chat.actions.messages.publish_committed", lambda *events: None)
            await _write_to_database(posts)
        raise OperationalError("the connection was lost after the commit")

    message = await GroupWriter(write).submit(Post.checked(ada, general.pk, "hello"))

    assert [(name, data["id"], data["text"]) for name, data in announced] == [
        ("new-message", message["id"], "hello")
    ]
    assert await Message.objects.acount() == 1


async def test_a_database_that_is_away_is_said_to_be():
    database = Database(OperationalError("away"), OperationalError("away"))
    writer = GroupWriter(database)

    with pytest.raises(Unavailable):
        await writer.submit(post("a"))

    assert (await writer.submit(post("b")))["text"] == "b"


async def test_a_cancelled_caller_loses_only_the_answer():
    database = Database()
    database.open.clear()
    writer = GroupWriter(database)
    gone, stays = writer.submit(post("a")), writer.submit(post("b"))
    await turns()

    gone.cancel()
    database.open.set()

    assert (await stays)["text"] == "b"
    assert database.batches == [["a", "b"]]
