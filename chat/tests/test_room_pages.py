"""The pages of rooms, their messages and the answers in them, without JavaScript."""

import pytest

from chat import actions
from chat.models import Membership, Message, Room
from chat.tests.pages import page
from chat.timeline import timeline_rows

# ------------------------------------------------------------------------------------------------------ rooms


def test_the_start_page_is_the_room_read_last_also_after_signing_out(client, ada, general, private):
    client.force_login(ada)
    page(client, "room", private.pk)
    client.post("/sign-out/")
    client.force_login(ada)

    assert client.get("/")["Location"] == f"/rooms/{private.pk}/"


def test_a_room_read_last_that_was_left_is_not_the_start_page(as_grace, ada, general):
    lab = actions.create_room(ada, name="lab")
    actions.join_room(Membership.objects.get(user__username="grace").user, room_id=lab.pk)
    page(as_grace, "room", lab.pk)

    as_grace.post(f"/rooms/{lab.pk}/leave/")

    assert as_grace.get("/")["Location"] == f"/rooms/{general.pk}/"


def test_the_first_start_page_is_a_public_room_with_news_else_the_oldest(as_grace, ada, grace, general):
    direct = actions.open_direct_room(grace, other_id=ada.pk)
    lab = actions.create_room(ada, name="a lab")
    actions.join_room(grace, room_id=lab.pk)
    for room in (general, lab):
        room.refresh_from_db()
        actions.mark_read(grace, room_id=room.pk, version=room.version)
    actions.post_message(ada, room_id=direct.pk, text="hello")
    assert as_grace.get("/")["Location"] == f"/rooms/{general.pk}/"

    actions.post_message(ada, room_id=lab.pk, text="news")

    assert as_grace.get("/")["Location"] == f"/rooms/{lab.pk}/"


def test_reading_a_room_writes_nothing(as_grace, general):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        page(as_grace, "room", general.pk)

    assert [query["sql"] for query in queries if not query["sql"].startswith("SELECT")] == []


def test_somebody_without_rooms_starts_at_the_list(as_guest):
    assert as_guest.get("/")["Location"] == "/rooms/"


def test_a_room_shows_its_messages_oldest_first(as_grace, ada, general):
    for text in ("first **bold**", "second"):
        actions.post_message(ada, room_id=general.pk, text=text)

    html = page(as_grace, "room", general.pk).content.decode()

    assert html.index("first <strong>bold</strong>") < html.index("second")


def test_a_private_room_does_not_exist_for_others(as_grace, private):
    response = page(as_grace, "room", private.pk)

    assert response.status_code == 404
    assert "There is no such room, or it is not open to you." in response.content.decode()


@pytest.mark.parametrize("name", ["room", "members"])
def test_a_guest_sees_no_public_room_without_membership(as_guest, general, name):
    assert page(as_guest, name, general.pk).status_code == 404


@pytest.mark.parametrize("number", ["999999", "9" * 40])
def test_a_room_that_is_not_there_is_not_found(as_ada, number):
    assert as_ada.get(f"/rooms/{number}/").status_code == 404


def test_earlier_messages_are_a_link_away(as_grace, ada, general):
    for number in range(60):
        actions.post_message(ada, room_id=general.pk, text=f"message {number:02}")

    newest = page(as_grace, "room", general.pk)
    earlier = newest.context["earlier"]
    older = page(as_grace, "room", general.pk, before=earlier)

    assert [row.message["text"] for row in newest.context["rows"]] == [
        f"message {n:02}" for n in range(10, 60)
    ]
    assert f"?before={earlier}" in newest.content.decode()
    assert [row.message["text"] for row in older.context["rows"]] == [f"message {n:02}" for n in range(10)]
    assert older.context["earlier"] is None


def test_a_cursor_that_is_none_shows_the_newest(as_grace, ada, general):
    actions.post_message(ada, room_id=general.pk, text="hello")

    assert "hello" in page(as_grace, "room", general.pk, before="-1 or 1=1").content.decode()


def test_a_room_with_many_authors_takes_a_fixed_number_of_queries(
    as_grace, ada, grace, parley, general, django_assert_max_num_queries
):
    for number in range(40):
        actions.post_message((ada, grace)[number % 2], room_id=general.pk, text=f"message {number}")

    with django_assert_max_num_queries(14):
        page(as_grace, "room", general.pk)


def test_what_somebody_wrote_is_never_markup(as_grace, ada, general):
    actions.post_message(
        ada, room_id=general.pk, text="<script>alert(1)</script> <img src=x onerror=alert(1)>"
    )
    Room.objects.filter(pk=general.pk).update(topic="<b>topic</b>")

    html = page(as_grace, "room", general.pk).content.decode()

    assert "<script>alert" not in html
    assert "<img" not in html
    assert "<b>topic</b>" not in html


def test_pages_allow_no_inline_script_or_style(as_grace, general):
    response = page(as_grace, "room", general.pk)

    policy = response["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    html = response.content.decode()
    assert " style=" not in html
    assert " onclick=" not in html


# --------------------------------------------------------------------------------------- answers in the page


def answer_to(question: Message, bot, **fields) -> Message:
    version = question.room.version + 1
    Room.objects.filter(pk=question.room_id).update(version=version)
    question.room.version = version
    place = {
        "room": question.room,
        "version": version,
        "posted_version": version,
        "client_id": f"answer-{version}",
    }
    return Message.objects.create(author=bot, kind="answer", parent=question, **place, **fields)


def test_a_running_answer_says_so_and_only_the_asker_may_stop_it(client, ada, grace, parley, general):
    linus = actions.create_user(ada, username="linus", password="a long password 1")
    actions.join_room(linus, room_id=general.pk)
    question = actions.post_message(grace, room_id=general.pk, text="@parley what?")
    question.room.refresh_from_db()
    answer = answer_to(question, parley, status="streaming", text="It is", delta_index=3)

    client.force_login(grace)
    html = page(client, "room", general.pk).content.decode()
    assert 'data-delta-index="3"' in html
    assert f"/messages/{answer.pk}/stop/" in html

    client.force_login(linus)
    assert f"/messages/{answer.pk}/stop/" not in page(client, "room", general.pk).content.decode()


def test_a_failed_answer_shows_its_reason(as_grace, grace, parley, general):
    question = actions.post_message(grace, room_id=general.pk, text="@parley what?")
    question.room.refresh_from_db()
    answer = answer_to(
        question, parley, status="failed", error_code="UNAVAILABLE", error_message="No model answered."
    )

    html = page(as_grace, "room", general.pk).content.decode()

    assert "No model answered." in html
    assert f"/messages/{answer.pk}/retry/" in html


def test_citations_are_plain_links(as_grace, grace, parley, general):
    question = actions.post_message(grace, room_id=general.pk, text="@parley what?")
    question.room.refresh_from_db()
    citation = {"number": 1, "documentId": "3", "documentTitle": "Manual <1>", "page": 7, "heading": "", "quote": "q",
                "url": "/documents/3/passages/9/?mark=0-4"}  # fmt: skip
    answer_to(question, parley, status="final", text="So. [1]", html="<p>So.</p>", citations=[citation])

    html = page(as_grace, "room", general.pk).content.decode()

    assert 'href="/documents/3/passages/9/?mark=0-4"' in html
    assert "Manual &lt;1&gt;" in html
    assert "p. 7" in html


# ------------------------------------------------------------------------------------------------- timeline


def test_messages_of_one_author_within_minutes_are_one_block(ada, grace, general):
    for author, text in ((ada, "a"), (ada, "b"), (grace, "c"), (grace, "d")):
        actions.post_message(author, room_id=general.pk, text=text)
    membership = general.memberships.get(user=ada)
    messages = list(general.messages.select_related("author").order_by("posted_version"))

    rows = timeline_rows(messages, ada, membership)

    assert [row.starts_day for row in rows] == [True, False, False, False]
    assert [row.is_continued for row in rows] == [False, True, False, True]
    assert [row.is_first_unread for row in rows] == [False, False, True, False]
    assert [row.is_own for row in rows] == [True, True, False, False]
