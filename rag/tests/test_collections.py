import pytest

from chat.errors import BadInput, Conflict, Forbidden, NotFound
from rag.actions import create_collection, room_files, share_collection
from rag.models import Collection
from rag.tests.library import make_room, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return make_user("ada", is_superuser=True)


@pytest.fixture
def grace():
    return make_user("grace")


def rooms_of(collection) -> set[str]:
    return set(collection.rooms.values_list("name", flat=True))


def test_a_collection_is_private_unless_shared(grace):
    room = make_room("team", grace)

    private = create_collection(grace, name="  My   notes ")
    shared = create_collection(grace, name="Ours", description="x", room_ids=[str(room.pk)])

    assert (private.name, private.everyone, rooms_of(private)) == ("My notes", False, set())
    assert rooms_of(shared) == {"team"}


@pytest.mark.parametrize("name", ["", "   ", "\x00", "n" * 81])
def test_a_name_that_cannot_be_used_is_refused(grace, name):
    with pytest.raises(BadInput):
        create_collection(grace, name=name)
    assert not Collection.objects.exists()


def test_a_name_is_taken_for_its_owner_only_in_any_case(ada, grace):
    create_collection(grace, name="Notes")

    with pytest.raises(Conflict):
        create_collection(grace, name="NOTES")
    create_collection(ada, name="notes")


def test_guests_make_no_collections_and_nobody_shares_with_rooms_he_cannot_read(ada, grace):
    room = make_room("secret", ada)

    with pytest.raises(Forbidden):
        create_collection(make_user("guest", is_guest=True), name="x")
    with pytest.raises(NotFound):
        create_collection(grace, name="x", room_ids=[room.pk])
    assert not Collection.objects.exists()


def test_sharing_sets_the_rooms_and_leaves_those_one_cannot_see(ada, grace):
    mine, other, hidden = make_room("mine", grace), make_room("other", grace), make_room("hidden", ada)
    collection = create_collection(grace, name="Notes", room_ids=[mine.pk])
    collection.shares.create(room=hidden)

    share_collection(grace, collection_id=collection.pk, room_ids=[other.pk], everyone=True)
    collection.refresh_from_db()
    assert (rooms_of(collection), collection.everyone) == ({"other", "hidden"}, True)

    share_collection(grace, collection_id=collection.pk)
    collection.refresh_from_db()
    assert (rooms_of(collection), collection.everyone) == ({"hidden"}, True), "None leaves it as it is"


def test_only_owner_or_administrator_shares(ada, grace):
    linus = make_user("linus")
    collection = create_collection(grace, name="Notes", everyone=True)

    with pytest.raises(Forbidden):
        share_collection(linus, collection_id=collection.pk, everyone=False)
    assert not share_collection(ada, collection_id=collection.pk, everyone=False).everyone


def test_the_files_of_a_room_stay_with_it(ada, grace):
    room = make_room("team", ada, grace)
    files = room_files(grace, room_id=room.pk)

    assert files.home_room_id == room.pk and "team" in files.name
    with pytest.raises(Forbidden):
        share_collection(grace, collection_id=files.pk, everyone=True)
    with pytest.raises(NotFound):
        room_files(make_user("linus"), room_id=room.pk)


def test_reading_a_public_room_without_joining_gives_no_files_to_add_to(ada, grace):
    room = make_room("general", ada, kind="public")

    with pytest.raises(Forbidden):
        room_files(grace, room_id=room.pk)
    assert not Collection.objects.exists()


def test_control_characters_in_names_and_descriptions_are_not_stored(grace):
    collection = create_collection(grace, name="My\x00 notes\x1b\ud800", description="one\x00\ntwo\ud800")
    collection.refresh_from_db()
    assert (collection.name, collection.description) == ("My notes", "one\ntwo")
