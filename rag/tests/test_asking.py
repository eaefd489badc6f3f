"""Asking and stopping, by people."""

from types import SimpleNamespace

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from chat.database import run_in_db
from chat.errors import BadInput, Forbidden, NotFound
from rag import socket_events
from rag.actions import ask, stop_answer
from rag.actions.answers import begin_answer
from rag.answering.flow import answer
from rag.tests.answers import Membership, Message, User, get_answer, means

pytestmark = pytest.mark.django_db(transaction=True)


def jobs(bot):
    """Arguments of the jobs enqueued for the bot; no other test's, since each has a bot of its own."""
    jobs = ProcrastinateJob.objects.filter(task_name="rag.answer", args__bot_id=bot.pk)
    return list(jobs.values_list("args", flat=True))


def test_ask_posts_the_question_with_a_mention_and_opens_its_answer(ada, room, parley):
    asked = ask(ada, room_id=room.pk, question="How many days?", client_id="c1")

    assert asked.question.text == "@parley How many days?"
    assert (asked.message.status, asked.attempt) == ("streaming", 0)
    assert jobs(parley) == [{"message_id": asked.question_id, "bot_id": parley.pk}]
    assert ask(ada, room_id=room.pk, question="How many days?", client_id="c1").pk == asked.pk
    assert len(jobs(parley)) == 1


def test_ask_does_not_mention_twice(ada, room, parley):
    assert ask(ada, room_id=room.pk, question="Hey @Parley, days?").question.text == "Hey @Parley, days?"


async def test_the_job_of_an_asked_question_writes_the_open_answer(ada, room, parley):
    asked = await run_in_db(ask, ada, room_id=room.pk, question="How many days?")
    tools, _ = means()

    await answer(asked.question_id, parley.pk, means=tools)

    stored = await run_in_db(get_answer)
    assert (stored.pk, stored.attempt, stored.message.status) == (asked.pk, 1, "final")


def test_an_empty_question_is_refused_and_nothing_is_posted(ada, room, parley):
    for question in ("", "  ", "@parley", 7, None):
        with pytest.raises(BadInput):
            ask(ada, room_id=room.pk, question=question)
    with pytest.raises(NotFound):
        ask(ada, room_id=room.pk, question="Hi", assistant="nobody")
    assert not Message.objects.exists() and jobs(parley) == []


def test_an_answer_nobody_has_begun_is_stopped_at_once(ada, room, parley):
    asked = ask(ada, room_id=room.pk, question="How many days?")

    stop_answer(ada, answer_id=str(asked.pk))

    assert get_answer().message.status == "stopped"
    assert begin_answer(asked.question_id, parley.pk) is None


def test_only_who_asked_or_a_moderator_stops_an_answer(ada, grace, room, parley):
    asked = ask(ada, room_id=room.pk, question="How many days?")
    stranger = User.objects.create_user("guest", is_guest=True)

    with pytest.raises(Forbidden):
        stop_answer(grace, answer_id=str(asked.pk))
    with pytest.raises(NotFound):
        stop_answer(stranger, answer_id=str(asked.pk))
    with pytest.raises(NotFound):
        stop_answer(ada, answer_id="999999")
    assert get_answer().stop_requested_at is None

    Membership.objects.filter(user=grace).update(role="moderator")
    stop_answer(grace, answer_id=str(asked.pk))
    assert get_answer().message.status == "stopped"


async def test_stop_answer_is_an_event_of_the_socket(ada, room, parley):
    asked = await run_in_db(ask, ada, room_id=room.pk, question="How many days?")

    assert await socket_events.stop_answer(SimpleNamespace(user=ada), str(asked.message_id)) == {}

    assert (await run_in_db(get_answer)).message.status == "stopped"
    with pytest.raises(ValueError):
        socket_events.register()  # done when the app was ready; a name is taken once
