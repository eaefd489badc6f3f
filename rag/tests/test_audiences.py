"""Who may find what. Every test asks with the exact words of the passage."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat.errors import NotFound
from rag.models import CollectionShare
from rag.retrieval.filters import SearchFilters
from rag.retrieval.search import Audience, search
from rag.selectors import (
    access_chunk,
    access_document,
    collections_readable_by,
    collections_writable_by,
    documents_readable_by,
)
from rag.tests.embedders import ScriptedEmbedder
from rag.tests.library import Membership, make_collection, make_room, make_user

pytestmark = pytest.mark.django_db

SECRET = "The zircon vault opens at midnight."


@pytest.fixture
def ada():
    return make_user("ada", is_superuser=True)


@pytest.fixture
def grace():
    return make_user("grace")


@pytest.fixture
def linus():
    return make_user("linus")


@pytest.fixture
def guest():
    return make_user("guest", is_guest=True)


def finds(audience: Audience, **narrowed) -> bool:
    found = search(audience, "zircon vault midnight", embedder=ScriptedEmbedder(), **narrowed)
    return [passage.text for passage in found] == [SECRET]


def by_room(room) -> bool:
    return finds(Audience.of_room(room.pk))


def by_user(user) -> bool:
    return finds(Audience.of_user(user))


def test_a_private_collection_is_found_by_its_owner_alone(ada, grace):
    make_collection(grace, "own", SECRET)

    assert by_user(grace)
    assert not by_user(ada), "not even by an administrator"


def test_a_collection_for_everyone_is_found_by_every_user_and_in_every_room(ada, grace, guest):
    make_collection(ada, "all", SECRET, everyone=True)

    assert by_user(grace) and by_user(guest)
    assert by_room(make_room("open", kind="public")) and by_room(make_room("closed", grace))


def test_a_collection_shared_with_a_room_is_found_there_and_by_its_members(ada, grace, linus):
    room = make_room("team", ada, grace)
    make_collection(ada, "team's", SECRET, room_ids=[room.pk])

    assert by_room(room) and by_user(grace)
    assert not by_user(linus)
    assert not by_room(make_room("other", ada, linus)), "linus would read it there"


def test_what_a_public_room_has_is_found_by_all_but_guests_who_are_not_members(ada, grace, guest):
    general = make_room("general", ada, kind="public")
    make_collection(ada, "general's", SECRET, room_ids=[general.pk])

    assert by_user(grace)
    assert not by_user(guest)

    Membership.objects.create(room=general, user=guest, role="guest")
    assert by_user(guest)


def test_an_owners_private_collection_is_not_found_in_a_room_with_others(ada, grace):
    make_collection(grace, "own", SECRET)

    assert not by_room(make_room("two", ada, grace))
    assert not by_room(make_room("open", grace, kind="public")), "anybody may join"
    assert by_room(make_room("notes to self", grace))


def test_in_a_direct_room_is_found_what_both_may_read(ada, grace, linus):
    team = make_room("team", ada, grace)
    make_collection(ada, "team's", SECRET, room_ids=[team.pk])

    assert by_room(make_room("ada, grace", ada, grace, kind="direct"))
    assert not by_room(make_room("grace, linus", grace, linus, kind="direct"))


def test_a_bot_in_a_room_is_no_reader(ada, grace):
    bot = make_user("parley", is_bot=True)
    team = make_room("team", ada, grace)
    make_collection(ada, "team's", SECRET, room_ids=[team.pk])

    assert by_room(make_room("with bot", ada, grace, bot))


def test_a_guest_in_a_room_narrows_what_is_found_in_it(ada, grace, guest):
    general = make_room("general", ada, grace, kind="public")
    make_collection(ada, "general's", SECRET, room_ids=[general.pk])

    assert by_room(make_room("without", ada, grace))
    assert not by_room(make_room("with", ada, grace, guest)), "the guest is no member of general"


def test_a_removed_member_finds_nothing_more(ada, grace):
    room = make_room("team", ada, grace)
    make_collection(ada, "team's", SECRET, room_ids=[room.pk])
    assert by_user(grace)

    Membership.objects.filter(room=room, user=grace).delete()

    assert not by_user(grace)
    assert by_room(room)


def test_files_of_a_room_are_its_members_and_not_who_made_the_collection(ada, grace):
    room = make_room("team", ada, grace)
    collection = make_collection(grace, "files", SECRET)
    collection.home_room = room
    collection.save()
    assert by_user(ada) and by_user(grace) and by_room(room)

    Membership.objects.filter(room=room, user=grace).delete()

    assert not by_user(grace)
    assert not collections_writable_by(grace).exists()


def test_a_deactivated_user_finds_nothing(ada, grace):
    make_collection(grace, "own", SECRET)
    grace.is_active = False
    grace.save()

    assert not by_user(grace)


def test_a_room_that_is_gone_finds_nothing_not_even_for_everyone(ada):
    make_collection(ada, "all", SECRET, everyone=True)

    assert not finds(Audience.of_room(999_999))


def test_narrowing_to_collections_never_widens(ada, grace):
    private = make_collection(grace, "own", SECRET)
    other = make_collection(ada, "all", "Something else entirely.", everyone=True)

    assert not finds(Audience.of_user(ada), filters=SearchFilters(collection_ids=(private.pk,)))
    assert not finds(Audience.of_user(grace), filters=SearchFilters(collection_ids=(other.pk,)))
    assert not finds(Audience.of_user(grace), filters=SearchFilters(collection_ids=()))
    assert finds(Audience.of_user(grace), filters=SearchFilters(collection_ids=(private.pk, other.pk)))


def test_a_share_taken_back_ends_the_finding(ada, grace):
    room = make_room("team", ada, grace)
    collection = make_collection(ada, "team's", SECRET, room_ids=[room.pk])

    CollectionShare.objects.filter(collection=collection).delete()

    assert not by_room(room) and not by_user(grace)


def test_lists_follow_the_same_rule_in_one_query_each(ada, grace, linus):
    team = make_room("team", ada, grace)
    make_collection(ada, "a", SECRET, room_ids=[team.pk])
    make_collection(ada, "b", SECRET)
    make_collection(linus, "c", SECRET, everyone=True)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        names = [
            (collection.name, collection.owner.username) for collection in collections_readable_by(grace)
        ]
        sources = [(document.source, document.collection.name) for document in documents_readable_by(grace)]

    assert names == [("a", "ada"), ("c", "linus")]
    assert sources == [("c 0", "c"), ("a 0", "a")]
    assert len(queries) == 2


def test_writable_are_own_collections_and_files_of_ones_rooms(ada, grace, guest):
    room = make_room("team", grace, guest)
    files = make_collection(ada, "files")
    files.home_room = room
    files.save()
    make_collection(ada, "all", everyone=True)
    own = make_collection(grace, "own")

    assert set(collections_writable_by(grace)) == {files, own}
    assert not collections_writable_by(guest).exists()
    assert [collection.name for collection in collections_writable_by(ada)] == ["all"]


def test_a_forbidden_document_and_an_absent_one_look_alike(ada, grace):
    make_collection(grace, "own", SECRET)
    document = documents_readable_by(grace).get()
    chunk = document.chunks.get()

    assert access_chunk(grace, document.pk, chunk.pk).document == document
    messages = set()
    for pk in (document.pk, 999_999, "none"):
        with pytest.raises(NotFound) as refused:
            access_document(ada, pk)
        messages.add(refused.value.message)
    with pytest.raises(NotFound):
        access_chunk(ada, document.pk, chunk.pk)
    with pytest.raises(NotFound):
        access_chunk(grace, document.pk + 1, chunk.pk)
    assert len(messages) == 1
