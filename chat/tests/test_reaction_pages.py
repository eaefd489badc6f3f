"""Reactions on the chat pages without JavaScript, and in the admin."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from chat import actions, reactions
from chat.models import Membership, Message, Reaction, Room, User
from chat.reactions import reaction_chips

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def message(ada, general) -> Message:
    return actions.post_message(ada, room_id=general.pk, text="Shall we?")


def room_page(client, room: Room) -> str:
    return client.get(reverse("room", args=[room.pk])).content.decode()


def who(message: Message, viewer: User) -> list[tuple[str, int, bool, str]]:
    message.refresh_from_db()
    found = reaction_chips([message], viewer).get(message.pk, [])
    return [(chip.emoji, chip.count, chip.is_own, chip.who) for chip in found]


def test_a_page_says_who_reacted_the_reader_first(ada, grace, guest, general, message, monkeypatch):
    monkeypatch.setattr(reactions, "NAMES_SHOWN", 2)
    Membership.objects.create(room=general, user=guest)
    people = [User.objects.create(username=f"member{n}", display_name=f"Member {n}") for n in range(2)]
    for person in people:
        Membership.objects.create(room=general, user=person)
    assert who(message, ada) == []

    actions.add_reaction(ada, message_id=message.pk, emoji="👍")
    assert who(message, ada) == [("👍", 1, True, "You")]
    assert who(message, grace) == [("👍", 1, False, "Ada")]
    actions.add_reaction(grace, message_id=message.pk, emoji="👍")
    assert who(message, grace) == [("👍", 2, True, "You and Ada")]
    actions.add_reaction(people[0], message_id=message.pk, emoji="👍")
    assert who(message, grace) == [("👍", 3, True, "You, Ada and 1 other")]
    actions.add_reaction(people[1], message_id=message.pk, emoji="👍")
    assert who(message, guest) == [("👍", 4, False, "Ada, Grace and 2 others")]


def test_a_room_shows_chips_to_toggle_and_a_link_to_add_one(as_grace, ada, grace, general, message):
    actions.add_reaction(ada, message_id=message.pk, emoji="👍")
    actions.add_reaction(grace, message_id=message.pk, emoji="🎉")

    page = room_page(as_grace, general)

    assert 'name="react" value="👍" data-action="toggle" aria-pressed="false" aria-label="👍 1: Ada"' in page
    assert 'name="unreact" value="🎉" data-action="toggle" aria-pressed="true" aria-label="🎉 1: You"' in page
    assert f'href="/messages/{message.pk}/react/"' in page
    assert 'id="reaction-picker"' in page


def leave(room: Room) -> None:
    Membership.objects.filter(user__username="grace").delete()


def archive(room: Room) -> None:
    Room.objects.filter(pk=room.pk).update(archived_at=timezone.now())


@pytest.mark.parametrize("close", [leave, archive])
def test_who_cannot_react_sees_the_reactions_all_the_same(as_grace, ada, general, message, close):
    actions.add_reaction(ada, message_id=message.pk, emoji="👍")
    close(general)

    page = room_page(as_grace, general)

    assert 'aria-label="👍 1: Ada" title="Ada" disabled' in page
    assert f'href="/messages/{message.pk}/react/"' not in page
    assert 'id="reaction-picker"' not in page


def test_names_of_any_number_of_reactions_take_one_query(as_grace, ada, grace, general, message):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            room_page(as_grace, general)
        return len(captured)

    queries()
    without = queries()
    others = [actions.post_message(ada, room_id=general.pk, text=str(n)) for n in range(5)]
    for target in (message, *others):
        for person in (ada, grace):
            actions.add_reaction(person, message_id=target.pk, emoji="👍")

    assert queries() == without + 1


def test_a_form_adds_a_reaction_and_takes_it_back(as_grace, grace, message):
    address = reverse("react", args=[message.pk])
    assert "Thumbs up" in as_grace.get(address).content.decode()

    added = as_grace.post(address, {"react": " 👍 "})
    assert added["Location"] == f"/rooms/{message.room_id}/#message-{message.pk}"
    assert who(message, grace) == [("👍", 1, True, "You")]

    as_grace.post(address, {"unreact": "👍"})
    assert who(message, grace) == []


def test_a_form_that_is_refused_says_why_and_changes_nothing(as_grace, ada, private, message):
    secret = actions.post_message(ada, room_id=private.pk, text="secret")

    refused = as_grace.post(reverse("react", args=[message.pk]), {"react": "nice"})
    for response in (
        as_grace.get(reverse("react", args=[secret.pk])),
        as_grace.post(reverse("react", args=[secret.pk]), {"react": "👍"}),
    ):
        assert response.status_code == 404

    assert refused.status_code == 400
    assert "A reaction is one emoji." in refused.content.decode()
    assert not Reaction.objects.exists()


def test_a_deleted_message_offers_no_reactions(as_grace, ada, general, message):
    actions.delete_message(ada, message_id=message.pk)

    assert as_grace.get(reverse("react", args=[message.pk])).status_code == 302
    assert f'href="/messages/{message.pk}/react/"' not in room_page(as_grace, general)


def test_the_admin_shows_reactions_and_changes_none(client, ada, grace, message):
    actions.add_reaction(grace, message_id=message.pk, emoji="👍")
    client.force_login(ada)

    page = client.get(reverse("admin:chat_message_change", args=[message.pk])).content.decode()

    assert "👍" in page and "Grace" in page
    assert 'name="_save"' not in page
    assert 'type="checkbox"' not in page.partition('id="reaction_rows-group"')[2]
