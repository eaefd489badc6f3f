"""Posting, editing and deleting: what becomes true, what is announced, what is refused."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat import actions
from chat.errors import BadInput, Conflict, Forbidden, NotFound, PayloadTooLarge
from chat.models import Membership, Mention, Message, Room, User
from chat.selectors import message_payload

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def jobs(db):
    """The jobs enqueued in this test, as (task name, arguments). Procrastinate's tables are not Django's to flush."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs CASCADE")

    def read() -> list[tuple[str, dict]]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT task_name, args::text FROM procrastinate_jobs ORDER BY id")
            return [(task, json.loads(arguments)) for task, arguments in cursor.fetchall()]

    return read


def test_a_posted_message_is_stored_versioned_and_announced(ada, general, announced):
    message = actions.post_message(ada, room_id=general.pk, text="**Hello** <b>all</b>", client_id="c1")

    stored = Message.objects.get()
    assert (stored.pk, stored.text, stored.version, stored.posted_version) == (
        message.pk,
        "**Hello** <b>all</b>",
        1,
        1,
    )
    assert stored.html == "<p><strong>Hello</strong> &lt;b&gt;all&lt;/b&gt;</p>"
    general.refresh_from_db()
    assert general.version == 1
    assert [(name, data["id"], data["clientId"]) for name, data in announced] == [
        ("new-message", str(message.pk), "c1")
    ]
    json.dumps(announced[0][1])  # plain values only, whatever the database fills in


def test_a_retry_gives_the_first_message_and_announces_it_again(ada, general, announced):
    first = actions.post_message(ada, room_id=general.pk, text="one", client_id="c1")
    again = actions.post_message(ada, room_id=general.pk, text="two", client_id="c1")

    assert (again.pk, again.text) == (first.pk, "one")
    assert Message.objects.count() == 1
    assert announced == [("new-message", message_payload(first))] * 2  # its version tells that it is the same


def test_the_wire_form_of_a_post_is_that_of_its_row(ada, general):
    first = actions.post_message(ada, room_id=general.pk, text="one")
    posts = [
        actions.Post.checked(ada, general.pk, "*two* @ada", client_id="c2", parent_id=first.pk),
        actions.Post.checked(ada, general.pk, "three", client_id="c3"),
    ]

    payloads = [posted.payload for posted in actions.post_messages(posts)]

    rows = Message.objects.select_related("author").order_by("version")[1:]
    assert payloads == [message_payload(row) for row in rows]


def test_a_client_id_used_in_another_room_is_a_conflict(ada, general, private):
    actions.post_message(ada, room_id=general.pk, text="one", client_id="c1")
    with pytest.raises(Conflict):
        actions.post_message(ada, room_id=private.pk, text="one", client_id="c1")
    assert Message.objects.count() == 1


def test_a_batch_keeps_order_and_a_refused_post_fails_alone(ada, grace, guest, general, private):
    posts = [
        actions.Post.checked(ada, general.pk, "1"),
        actions.Post.checked(grace, private.pk, "2"),
        actions.Post.checked(grace, general.pk, "3"),
        actions.Post.checked(guest, general.pk, "4"),
        actions.Post.checked(ada, private.pk, "5"),
    ]

    results = actions.post_messages(posts)

    assert [type(posted.error).__name__ for posted in results] == [
        "NoneType",
        "NotFound",
        "NoneType",
        "NotFound",
        "NoneType",
    ]
    assert list(Message.objects.filter(room=general).values_list("text", "version").order_by("version")) == [
        ("1", 1),
        ("3", 2),
    ]
    assert list(Message.objects.filter(room=private).values_list("text", "version")) == [("5", 1)]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", BadInput),
        ("  \n ", BadInput),
        ("\x00", BadInput),
        (None, BadInput),
        (7, BadInput),
        ("x" * 20_001, PayloadTooLarge),
    ],
)
def test_a_text_that_cannot_be_used_changes_nothing(ada, general, announced, text, error):
    with pytest.raises(error):
        actions.post_message(ada, room_id=general.pk, text=text)
    general.refresh_from_db()
    assert (Message.objects.count(), general.version, announced) == (0, 0, [])


@pytest.mark.parametrize("room_id", ["nonsense", "", "-1", "99999999999999999999", None, True, [], "１"])
def test_a_room_that_cannot_exist_is_not_found(ada, general, room_id):
    with pytest.raises(NotFound):
        actions.post_message(ada, room_id=room_id, text="hello")


def test_a_public_room_must_be_joined_before_posting(grace, general):
    Membership.objects.filter(user=grace).delete()
    with pytest.raises(Forbidden):
        actions.post_message(grace, room_id=general.pk, text="hello")


def test_an_archived_room_takes_no_posts(ada, general):
    actions.archive_room(ada, room_id=general.pk)
    with pytest.raises(Conflict):
        actions.post_message(ada, room_id=general.pk, text="hello")


def test_a_deactivated_account_posts_nothing(grace, general):
    grace.is_active = False
    grace.save()
    with pytest.raises(NotFound):
        actions.post_message(grace, room_id=general.pk, text="hello")


def test_a_reply_must_stay_in_its_room(ada, general, private):
    elsewhere = actions.post_message(ada, room_id=private.pk, text="secret")
    with pytest.raises(NotFound):
        actions.post_message(ada, room_id=general.pk, text="reply", parent_id=elsewhere.pk)

    here = actions.post_message(ada, room_id=general.pk, text="root")
    assert (
        actions.post_message(ada, room_id=general.pk, text="reply", parent_id=str(here.pk)).parent_id
        == here.pk
    )


def test_members_are_mentioned_and_outsiders_are_not(ada, grace, guest, general):
    message = actions.post_message(ada, room_id=general.pk, text="@Grace @guest @nobody `@ada`")
    assert list(Mention.objects.values_list("message_id", "user__username")) == [(message.pk, "grace")]


def test_a_mentioned_bot_gets_its_job_with_the_message(ada, general, parley, jobs):
    message = actions.post_message(ada, room_id=general.pk, text="@parley what is this?", client_id="c1")
    actions.post_message(ada, room_id=general.pk, text="@parley what is this?", client_id="c1")
    assert jobs() == [("rag.answer", {"message_id": message.pk, "bot_id": parley.pk})]


def test_a_refused_mention_of_a_bot_enqueues_nothing(grace, private, parley, jobs):
    with pytest.raises(NotFound):
        actions.post_message(grace, room_id=private.pk, text="@parley hello")
    assert jobs() == []


def test_a_bot_in_a_direct_room_is_always_meant_and_never_by_a_bot(ada, parley, jobs):
    room = actions.open_direct_room(ada, other_id=parley.pk)
    message = actions.post_message(ada, room_id=room.pk, text="what is this?")
    actions.post_message(parley, room_id=room.pk, text="@parley talking to myself")
    assert jobs() == [("rag.answer", {"message_id": message.pk, "bot_id": parley.pk})]


def test_simultaneous_posts_get_distinct_versions_without_gaps(ada, grace, general):
    def post(n: int) -> int:
        try:
            return actions.post_message((ada, grace)[n % 2], room_id=general.pk, text=str(n)).version
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(post, range(40)))

    assert sorted(versions) == list(range(1, 41))


def test_an_edit_raises_the_version_and_keeps_the_place(ada, grace, general, announced):
    message = actions.post_message(ada, room_id=general.pk, text="helo")
    actions.post_message(grace, room_id=general.pk, text="hi")

    edited = actions.edit_message(ada, message_id=str(message.pk), text="hello @grace")

    assert (edited.version, edited.posted_version, edited.text) == (3, 1, "hello @grace")
    assert edited.edited_at is not None
    assert [name for name, _ in announced] == ["new-message", "new-message", "message-updated"]
    assert Mention.objects.filter(message=message, user=grace).exists()


def test_only_the_author_edits(ada, grace, general, announced):
    message = actions.post_message(grace, room_id=general.pk, text="mine")
    with pytest.raises(Forbidden):
        actions.edit_message(ada, message_id=message.pk, text="yours")
    message.refresh_from_db()
    assert (message.text, message.version, len(announced)) == ("mine", 1, 1)


def test_a_deleted_message_loses_its_words_and_keeps_its_place(ada, grace, general):
    message = actions.post_message(grace, room_id=general.pk, text="oops")
    deleted = actions.delete_message(ada, message_id=message.pk)
    again = actions.delete_message(grace, message_id=message.pk)
    assert (deleted.text, deleted.html, deleted.version) == ("", "", 2)
    assert again.version == 2
    with pytest.raises(Conflict):
        actions.edit_message(grace, message_id=message.pk, text="back")


def test_a_failed_announcement_does_not_undo_the_message(ada, general, monkeypatch, caplog):
    def broken(events) -> None:
        raise ConnectionError("the channel layer is away")

    monkeypatch.setattr("chat.events.announce_committed", broken)
    actions.post_message(ada, room_id=general.pk, text="still here")

    assert Message.objects.get().text == "still here"
    assert "1 events of a commit could not be announced" in caplog.text


def test_an_action_cannot_call_an_action(ada, general):
    with pytest.raises(RuntimeError), transaction.atomic():
        actions.post_message(ada, room_id=general.pk, text="nested")


def test_the_room_of_two_is_made_once(ada, grace):
    first = actions.open_direct_room(ada, other_id=grace.pk)
    second = actions.open_direct_room(grace, other_id=ada.pk)
    assert first == second and first.kind == Room.Kind.DIRECT


def change_while_waiting(room: Room, change, call):
    """What `call` gives, which begins while another transaction holds the room's lock and ends with `change`."""

    def run():
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Room.objects.select_for_update(no_key=True).get(pk=room.pk)
            future = pool.submit(run)
            wait_for_lock()
            change()
        return future.result(timeout=60)


def wait_for_lock() -> None:
    deadline = time.monotonic() + 60
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.02)
    raise TimeoutError("nobody waited for the lock")


def test_a_deletion_announces_what_is_true_under_the_lock(ada, grace, general, announced):
    message = actions.post_message(grace, room_id=general.pk, text="helo")
    edited_at = timezone.now()

    def edit():
        Message.objects.filter(pk=message.pk).update(text="hello", edited_at=edited_at)
        User.objects.filter(pk=grace.pk).update(display_name="Rear Admiral")

    deleted = change_while_waiting(general, edit, lambda: actions.delete_message(ada, message_id=message.pk))

    assert deleted.edited_at == edited_at
    name, data = announced[-1]
    assert (name, data["author"]["displayName"]) == ("message-updated", "Rear Admiral")
    assert data["editedAt"] is not None and data["deletedAt"] is not None


def test_an_edit_that_waited_for_a_deletion_is_refused(grace, general, announced):
    message = actions.post_message(grace, room_id=general.pk, text="helo")

    def delete():
        Message.objects.filter(pk=message.pk).update(text="", deleted_at=timezone.now())

    with pytest.raises(Conflict):
        change_while_waiting(
            general, delete, lambda: actions.edit_message(grace, message_id=message.pk, text="hello")
        )
    assert len(announced) == 1


def test_a_deletion_reads_its_room_once(ada, grace, general):
    message = actions.post_message(grace, room_id=general.pk, text="oops")
    with CaptureQueriesContext(connection) as queries:
        actions.delete_message(ada, message_id=message.pk)
    reads = [query["sql"] for query in queries if 'FROM "chat_room"' in query["sql"].split("WHERE")[0]]
    assert len(reads) == 1 and "FOR NO KEY UPDATE" in reads[0]


def test_control_characters_are_no_part_of_a_message(ada, general):
    message = actions.post_message(ada, room_id=general.pk, text="one\x00\n\ttwo \x1b[31m\ud800")
    assert message.text == "one\n\ttwo [31m"


def test_a_switched_off_bot_is_not_mentioned_by_an_edit(ada, general, parley):
    message = actions.post_message(ada, room_id=general.pk, text="hello")
    User.objects.filter(pk=parley.pk).update(is_active=False)
    actions.edit_message(ada, message_id=message.pk, text="hello @parley")
    assert not Mention.objects.exists()


def test_a_note_to_oneself_stays_with_oneself(ada, grace):
    with_grace = actions.open_direct_room(ada, other_id=grace.pk)
    own = actions.open_direct_room(ada, other_id=ada.pk)
    assert own != with_grace and [member.pk for member in own.members.all()] == [ada.pk]
    assert actions.open_direct_room(ada, other_id=ada.pk) == own


def test_a_direct_room_that_somebody_was_added_to_is_not_the_room_of_two(ada, grace, guest):
    crowded = actions.open_direct_room(ada, other_id=grace.pk)
    Membership.objects.create(room=crowded, user=guest)
    assert actions.open_direct_room(ada, other_id=grace.pk) != crowded


def test_an_archived_room_takes_no_edits_and_no_members(ada, grace, guest, general):
    message = actions.post_message(ada, room_id=general.pk, text="before")
    Membership.objects.filter(user=grace).delete()
    actions.archive_room(ada, room_id=general.pk)
    with pytest.raises(Conflict):
        actions.edit_message(ada, message_id=message.pk, text="after")
    with pytest.raises(Conflict):
        actions.join_room(grace, room_id=general.pk)
    assert Message.objects.get(pk=message.pk).text == "before"


def test_names_in_system_messages_are_no_markdown(ada, general):
    actions.update_room(ada, room_id=general.pk, name="**[x](https://evil.example)**")
    assert Message.objects.get().html == "renamed the room to **[x](https://evil.example)**"
