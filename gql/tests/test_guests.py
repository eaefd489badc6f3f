"""What a guest learns of people outside his or her rooms: nothing but that they are there."""

import pytest
from django.utils import timezone

from chat.database import run_in_db
from chat.live.presence import ANYWHERE, current_presence
from chat.models import Membership, Message, User
from rag.actions import create_collection

pytestmark = pytest.mark.django_db(transaction=True)

PERSON = "{ id username displayName lastSeenAt presence }"


@pytest.fixture
def outsider(db) -> User:
    return User.objects.create_user("bob", display_name="Bob", last_seen_at=timezone.now())


async def test_the_owner_of_a_collection_is_hidden_from_a_guest_only(as_user, grace, guest, outsider):
    await run_in_db(lambda: create_collection(outsider, name="Handbook", everyone=True))
    current_presence().enter(ANYWHERE, outsider.pk, "test")
    query = f"{{ collections {{ edges {{ node {{ owner {PERSON} }} }} }} }}"

    try:
        [edge] = (await as_user(guest).data(query))["collections"]["edges"]
        [for_grace] = (await as_user(grace).data(query))["collections"]["edges"]
    finally:
        current_presence().leave(ANYWHERE, outsider.pk, "test")

    assert edge["node"]["owner"] == {
        "id": str(outsider.pk),
        "username": "hidden",
        "displayName": "Hidden",
        "lastSeenAt": None,
        "presence": "OFFLINE",
    }
    assert for_grace["node"]["owner"]["username"] == "bob"
    assert for_grace["node"]["owner"]["lastSeenAt"] is not None


async def test_a_guest_reads_the_name_on_a_message_of_who_left_but_no_more(as_user, guest, outsider, general):
    await Membership.objects.acreate(room=general, user=guest, role="guest")
    await Message.objects.acreate(
        room=general, author=outsider, text="Bye", html="<p>Bye</p>", version=1, posted_version=1
    )

    room = await as_user(guest).data(
        f"query($id: ID!) {{ room(id: $id) {{ messages {{ edges {{ node {{ author {PERSON} }} }} }} }} }}",
        id=general.pk,
    )

    [edge] = room["room"]["messages"]["edges"]
    assert (edge["node"]["author"]["username"], edge["node"]["author"]["lastSeenAt"]) == ("bob", None)
