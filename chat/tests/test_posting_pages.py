"""The forms of a room's page: posting, editing, deleting, without JavaScript."""

from chat import actions
from chat.tests.pages import page


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
