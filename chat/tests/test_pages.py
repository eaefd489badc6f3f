"""The chat pages without JavaScript: what they show to whom, and that their forms do what they say."""

import pytest
from django.urls import reverse

from chat import actions
from chat.models import Membership, Message, Room
from chat.timeline import timeline_rows


@pytest.fixture
def as_ada(client, ada):
    client.force_login(ada)
    return client


@pytest.fixture
def as_grace(client, grace):
    client.force_login(grace)
    return client


@pytest.fixture
def as_guest(client, guest):
    client.force_login(guest)
    return client


def page(client, name, *args, **query):
    return client.get(reverse(name, args=args), query)


# ------------------------------------------------------------------------------------------------ signing in


def test_somebody_signed_out_is_led_to_the_sign_in_page(client, general):
    response = page(client, "room", general.pk)

    assert response.status_code == 302
    assert response["Location"] == f"/sign-in/?next=/rooms/{general.pk}/"


def test_signing_in_goes_on_to_the_page_that_was_asked_for(client, general):
    form = {"username": "grace", "password": "correct horse", "next": f"/rooms/{general.pk}/"}

    response = client.post("/sign-in/", form)

    assert response["Location"] == f"/rooms/{general.pk}/"


def test_a_wrong_password_is_told_without_saying_which_was_wrong(client, grace):
    unknown = client.post("/sign-in/", {"username": "nobody", "password": "x"})
    wrong = client.post("/sign-in/", {"username": "grace", "password": "x"})

    assert "That username and password do not match." in unknown.content.decode()
    assert "That username and password do not match." in wrong.content.decode()


def test_signing_in_does_not_lead_to_another_site(client, grace):
    form = {"username": "grace", "password": "correct horse", "next": "https://evil.example/"}

    assert client.post("/sign-in/", form)["Location"] == "/"


def test_a_new_installation_says_how_the_first_admin_is_made(client, db):
    assert "createsuperuser" in client.get("/sign-in/").content.decode()


def test_signing_out_needs_a_post(as_grace):
    assert as_grace.get("/sign-out/").status_code == 405
    assert as_grace.post("/sign-out/")["Location"] == "/sign-in/"


def test_a_changed_password_ends_the_sign_ins_elsewhere_and_keeps_this_one(client, grace):
    from django.test import Client

    elsewhere = Client()
    for browser in (client, elsewhere):
        browser.force_login(grace)
    new = "a battery staple 7"

    response = client.post(
        "/account/",
        {"old_password": "correct horse", "new_password1": new, "new_password2": new},
        follow=True,
    )

    assert "Your password is changed." in response.content.decode()
    assert elsewhere.get("/people/").status_code == 302
    assert client.get("/people/").status_code == 200
    grace.refresh_from_db()
    assert grace.check_password(new)


def test_a_password_is_not_changed_without_the_old_one_or_for_a_weak_one(as_grace, grace):
    wrong = {
        "old_password": "x",
        "new_password1": "a battery staple 7",
        "new_password2": "a battery staple 7",
    }
    weak = {"old_password": "correct horse", "new_password1": "password", "new_password2": "password"}

    for form, problem in ((wrong, "old password was entered incorrectly"), (weak, "too short")):
        assert problem in as_grace.post("/account/", form).content.decode()
    grace.refresh_from_db()
    assert grace.check_password("correct horse")


def test_the_account_page_is_linked_and_needs_a_sign_in(client, grace):
    assert client.get("/account/")["Location"] == "/sign-in/?next=/account/"
    client.force_login(grace)
    assert 'href="/account/"' in client.get("/people/").content.decode()


def test_browsers_that_ask_for_an_icon_get_one(client, db):
    assert client.get("/favicon.ico")["Location"] == "/static/chat/favicon.svg"
    assert "favicon.svg" in client.get("/admin/login/").content.decode()


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


# --------------------------------------------------------------------------------------------------- posting


def test_the_form_posts_a_message_and_goes_back(as_grace, general):
    response = as_grace.post(f"/rooms/{general.pk}/post/", {"text": "hello", "client_id": "form-1"})

    assert response.status_code == 302
    assert general.messages.get().text == "hello"


def test_a_form_sent_twice_posts_once(as_grace, general):
    for _ in range(2):
        as_grace.post(f"/rooms/{general.pk}/post/", {"text": "hello", "client_id": "form-1"})

    assert general.messages.count() == 1


def test_an_empty_message_is_refused_with_words(as_grace, general):
    response = as_grace.post(f"/rooms/{general.pk}/post/", {"text": "  "}, follow=True)

    assert "A message needs a text." in response.content.decode()
    assert general.messages.count() == 0


def test_a_message_that_is_refused_keeps_what_was_typed(as_grace, general):
    text = "word " * 5000

    response = as_grace.post(f"/rooms/{general.pk}/post/", {"text": text})

    assert response.status_code == 413
    assert text in response.content.decode()
    assert "at most 20,000 characters" in response.content.decode()
    assert general.messages.filter(kind="person").count() == 0


def test_an_edit_that_is_refused_keeps_what_was_typed(as_grace, grace, general):
    message = actions.post_message(grace, room_id=general.pk, text="short")
    text = "word " * 5000

    response = as_grace.post(f"/messages/{message.pk}/edit/", {"text": text})

    assert text in response.content.decode()
    assert "at most 20,000 characters" in response.content.decode()
    message.refresh_from_db()
    assert message.text == "short"


def test_no_field_cuts_what_is_pasted_without_a_word(as_grace, general):
    for name, args in (("room", [general.pk]), ("rooms", [])):
        assert "maxlength" not in page(as_grace, name, *args).content.decode()

    response = as_grace.post("/rooms/", {"name": "n" * 81, "topic": "", "kind": "public"})

    assert "This must have 1 to 80 characters." in response.content.decode()
    assert "n" * 81 in response.content.decode()


def test_only_who_may_add_files_sees_the_paperclip(client, ada, grace, guest, general):
    actions.add_member(ada, room_id=general.pk, user_id=guest.pk)
    client.force_login(grace)
    assert 'id="attach"' in page(client, "room", general.pk).content.decode()

    client.force_login(guest)
    assert 'id="attach"' not in page(client, "room", general.pk).content.decode()


def test_a_visitor_must_join_before_posting(client, general, db):
    visitor = actions.create_user(
        general.memberships.first().user, username="vera", password="a long password 1"
    )
    client.force_login(visitor)

    assert "Join to take part" in page(client, "room", general.pk).content.decode()
    refused = client.post(f"/rooms/{general.pk}/post/", {"text": "hello"}, follow=True)
    assert "Join the room before you post in it." in refused.content.decode()
    assert general.messages.count() == 0

    client.post(f"/rooms/{general.pk}/join/")
    client.post(f"/rooms/{general.pk}/post/", {"text": "hello"})
    assert general.messages.filter(kind="person").get().text == "hello"


def test_posting_in_a_foreign_private_room_is_not_found(as_grace, private):
    assert as_grace.post(f"/rooms/{private.pk}/post/", {"text": "hello"}).status_code == 404
    assert private.messages.count() == 0


def test_a_post_from_another_site_is_refused(ada, general):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)

    assert strict.post(f"/rooms/{general.pk}/post/", {"text": "hello"}).status_code == 403
    assert general.messages.count() == 0


def test_one_changes_and_deletes_ones_own_message(as_grace, grace, general):
    message = actions.post_message(grace, room_id=general.pk, text="helo")

    as_grace.post(f"/messages/{message.pk}/edit/", {"text": "hello"})
    message.refresh_from_db()
    assert message.text == "hello"

    as_grace.post(f"/messages/{message.pk}/edit/", {"delete": "1"})
    message.refresh_from_db()
    assert message.deleted_at is not None
    assert "This message was deleted." in page(as_grace, "room", general.pk).content.decode()


def test_nobody_changes_the_message_of_another(as_grace, ada, general):
    message = actions.post_message(ada, room_id=general.pk, text="mine")

    assert as_grace.post(f"/messages/{message.pk}/edit/", {"text": "yours"}).status_code == 403
    message.refresh_from_db()
    assert message.text == "mine"


def test_a_message_is_given_to_scripts_that_may_read_its_room(as_grace, ada, general, private):
    open_one = actions.post_message(ada, room_id=general.pk, text="hello")
    closed_one = actions.post_message(ada, room_id=private.pk, text="secret")

    assert as_grace.get(f"/messages/{open_one.pk}/").json()["text"] == "hello"
    refused = as_grace.get(f"/messages/{closed_one.pk}/", headers={"Accept": "application/json"})
    assert refused.status_code == 404
    assert refused.json()["error"]["code"] == "NOT_FOUND"


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


# ------------------------------------------------------------------------------------------ list and people


def test_the_list_shows_unread_messages_and_mentions(as_grace, ada, general):
    actions.post_message(ada, room_id=general.pk, text="one")
    actions.post_message(ada, room_id=general.pk, text="two @grace")

    html = page(as_grace, "people").content.decode()

    assert 'data-unread="2" data-mentions="1"' in html


def test_marking_as_read_without_a_script(as_grace, ada, grace, general):
    actions.post_message(ada, room_id=general.pk, text="one")

    as_grace.post(f"/rooms/{general.pk}/read/")

    assert 'data-unread="0"' in page(as_grace, "people").content.decode()


def test_a_page_that_goes_tells_what_was_seen(as_grace, ada, general):
    seen = actions.post_message(ada, room_id=general.pk, text="one")
    actions.post_message(ada, room_id=general.pk, text="two")

    response = as_grace.post(f"/rooms/{general.pk}/read/", {"version": str(seen.version)})

    assert response.status_code == 204
    assert 'data-unread="1"' in page(as_grace, "people").content.decode()


def test_a_direct_room_is_called_by_the_other_person(as_ada, grace, general):
    response = as_ada.post(f"/people/{grace.pk}/message/", follow=True)

    assert response.context["room"].kind == "direct"
    assert "<title>Grace · Parley</title>" in response.content.decode()


def test_a_guest_cannot_write_to_somebody_who_shares_no_room(as_guest, ada):
    assert as_guest.post(f"/people/{ada.pk}/message/").status_code == 404
    assert not Room.objects.filter(kind="direct").exists()


def test_people_lists_only_whom_one_may_see(as_guest, ada, grace):
    html = page(as_guest, "people").content.decode()

    assert "@guest" in html
    assert "@grace" not in html


def test_a_room_is_made_by_the_form(as_grace):
    response = as_grace.post("/rooms/", {"name": "release", "topic": "", "kind": "private"})

    made = Room.objects.get(name="release")
    assert response["Location"] == f"/rooms/{made.pk}/"
    assert made.kind == "private"


def test_a_name_that_is_taken_is_told_at_its_field(as_grace, general):
    response = as_grace.post("/rooms/", {"name": "General", "topic": "", "kind": "public"})

    assert "There is a room with that name already." in response.content.decode()
    assert Room.objects.count() == 1


def test_a_guest_makes_no_room(as_guest):
    assert "New room" not in page(as_guest, "rooms").content.decode()
    assert as_guest.post("/rooms/", {"name": "mine", "kind": "public"}).status_code == 403
    assert not Room.objects.exists()


def test_an_owner_adds_and_removes_members(as_ada, grace, private):
    as_ada.post(f"/rooms/{private.pk}/members/", {"add": str(grace.pk)})
    assert Membership.objects.filter(room=private, user=grace).exists()

    as_ada.post(f"/rooms/{private.pk}/members/", {"remove": str(grace.pk)})
    assert not Membership.objects.filter(room=private, user=grace).exists()


def test_a_member_without_the_role_adds_nobody(as_grace, guest, general):
    assert as_grace.post(f"/rooms/{general.pk}/members/", {"add": str(guest.pk)}).status_code == 403
    assert as_grace.post(f"/rooms/{general.pk}/members/", {"remove": str(guest.pk)}).status_code == 403
    assert general.memberships.count() == 2


def test_leaving_a_room_ends_the_membership(as_grace, grace, general):
    assert as_grace.post(f"/rooms/{general.pk}/leave/")["Location"] == "/rooms/"
    assert not general.memberships.filter(user=grace).exists()


@pytest.mark.parametrize("name", ["room", "members"])
def test_a_fragment_is_the_part_alone(as_grace, general, name):
    response = as_grace.get(reverse(name, args=[general.pk]), headers={"X-Fragment": "1"})

    assert "<html" not in response.content.decode()


# --------------------------------------------------------------------------------------------------- errors


def test_a_page_that_is_not_there_says_so_calmly(client, db):
    response = client.get("/nothing/")

    assert response.status_code == 404
    assert "Nothing here" in response.content.decode()


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
