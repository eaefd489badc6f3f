"""Ratings of answers: one of each reader, changeable, and what admins see of them."""

import pytest
from django.urls import reverse
from django.utils import timezone

from chat.errors import BadInput, Conflict, NotFound
from rag.actions import rate_answer
from rag.models import Answer, AnswerRating
from rag.tests.conftest import chat_model

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def answer(ada, question, parley):
    message = chat_model("Message").objects.create(
        room=question.room, author=parley, kind="answer", client_id="a", version=9, posted_version=9
    )
    return Answer.objects.create(
        question=question,
        message=message,
        assistant=parley,
        asked_by=ada,
        attempt=2,
        model="claude-test",
        finished_at=timezone.now(),
    )


def _ratings() -> list[tuple]:
    return list(
        AnswerRating.objects.order_by("pk").values_list("user__username", "helpful", "reason", "attempt")
    )


def test_a_reader_has_one_rating_and_may_change_it(ada, grace, answer):
    given_back = rate_answer(grace, answer_id=answer.pk, helpful=True)
    rate_answer(ada, answer_id=str(answer.pk), helpful=False, reason=" It is thirty days,\nnot twenty. ")
    first = AnswerRating.objects.get(user=grace).rated_at

    assert given_back == answer
    assert _ratings() == [
        ("grace", True, "", 2),
        ("ada", False, "It is thirty days,\nnot twenty.", 2),
    ]

    Answer.objects.update(attempt=3)
    rate_answer(grace, answer_id=answer.pk, helpful=False, reason="worse")
    rate_answer(ada, answer_id=answer.pk, helpful=True)

    assert _ratings() == [("grace", False, "worse", 3), ("ada", True, "", 3)]
    assert AnswerRating.objects.get(user=grace).rated_at > first


def test_who_cannot_read_the_answer_cannot_tell_it_from_one_that_is_not_there(answer):
    stranger = chat_model("User").objects.create_user("stranger", is_guest=True)
    with pytest.raises(NotFound) as hidden:
        rate_answer(stranger, answer_id=answer.pk, helpful=True)
    with pytest.raises(NotFound) as absent:
        rate_answer(stranger, answer_id=answer.pk + 1000, helpful=True)
    assert hidden.value.as_dict() == absent.value.as_dict()
    assert _ratings() == []


@pytest.mark.parametrize("reason", ["x" * 501, 5])
def test_a_reason_that_cannot_be_kept_is_refused(grace, answer, reason):
    with pytest.raises(BadInput) as refused:
        rate_answer(grace, answer_id=answer.pk, helpful=True, reason=reason)
    assert list(refused.value.fields) == ["reason"]
    assert _ratings() == []


def test_what_is_being_written_or_was_deleted_is_not_rated(grace, answer):
    Answer.objects.update(finished_at=None)
    with pytest.raises(Conflict):
        rate_answer(grace, answer_id=answer.pk, helpful=True)
    Answer.objects.update(finished_at=timezone.now())
    chat_model("Message").objects.filter(pk=answer.message_id).update(deleted_at=timezone.now())
    with pytest.raises(Conflict):
        rate_answer(grace, answer_id=answer.pk, helpful=True)
    assert _ratings() == []


def test_admins_filter_ratings_and_see_them_at_the_answer(client, ada, grace, answer):
    admin = chat_model("User").objects.create_superuser("root")
    client.force_login(admin)
    rate_answer(grace, answer_id=answer.pk, helpful=False, reason="too vague")
    rate_answer(ada, answer_id=answer.pk, helpful=True, reason="to the point")

    address = reverse("admin:rag_answerrating_changelist")
    listed = client.get(address, {"helpful__exact": "0", "answer__model": "claude-test"}).content.decode()
    page = client.get(reverse("admin:rag_answer_change", args=[answer.pk])).content.decode()

    assert "too vague" in listed and "to the point" not in listed
    assert "too vague" in page and "to the point" in page
    assert client.get(address, {"q": "vague"}).content.decode().count("too vague") == 1


def test_a_reader_rates_on_a_page_and_finds_the_rating_there(client, grace, answer):
    client.force_login(grace)
    address = f"/messages/{answer.message_id}/rate/"

    assert "You said" not in client.get(address).content.decode()
    kept = client.post(address, {"helpful": "no", "reason": "too vague"})
    page = client.get(address).content.decode()

    assert kept["Location"] == f"/rooms/{answer.message.room_id}/#message-{answer.message_id}"
    assert _ratings() == [("grace", False, "too vague", 2)]
    assert "You said: it did not help." in page and ">too vague</textarea>" in page


def test_the_answer_is_shown_as_in_the_room(client, grace, answer):
    answer.message.text, answer.message.html = "**Thirty** days.", "<p><strong>Thirty</strong> days.</p>"
    answer.message.save()
    client.force_login(grace)

    page = client.get(f"/messages/{answer.message_id}/rate/").content.decode()

    assert answer.message.html in page and "**" not in page


@pytest.mark.parametrize("sent", [{}, {"helpful": "maybe"}, {"helpful": "yes", "reason": "x" * 501}])
def test_a_rating_that_cannot_be_kept_is_told_on_the_page(client, grace, answer, sent):
    client.force_login(grace)
    response = client.post(f"/messages/{answer.message_id}/rate/", sent)
    assert response.status_code == 200
    assert 'class="notice' in response.content.decode()
    assert _ratings() == []


def test_the_page_is_for_readers_of_the_answer(client, answer):
    address = f"/messages/{answer.message_id}/rate/"
    assert client.get(address)["Location"].startswith("/sign-in/?next=")

    client.force_login(chat_model("User").objects.create_user("stranger", is_guest=True))
    assert client.get(address).status_code == 404
    assert client.post(address, {"helpful": "yes"}).status_code == 404
    assert client.get(f"/messages/{answer.question_id}/rate/").status_code == 404
    assert _ratings() == []


def test_a_finished_answer_leads_to_its_rating(client, grace, answer):
    client.force_login(grace)
    link = f'href="/messages/{answer.message_id}/rate/"'
    room = f"/rooms/{answer.message.room_id}/"

    assert client.get(room).content.decode().count(link) == 1
    chat_model("Message").objects.filter(pk=answer.message_id).update(status="streaming")
    assert link not in client.get(room).content.decode()
