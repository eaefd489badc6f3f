"""Files of messages: uploaded, posted once, read by who reads the room, and gone with the message."""

import io
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils import timezone

from chat import actions
from chat.access.tokens import SignInSerializer
from chat.actions import Post, post_messages, remove_unposted_attachments, remove_unused_contents
from chat.attachment_types import clean_filename, media_type_of
from chat.errors import BadInput, Conflict, Forbidden, NotFound, PayloadTooLarge
from chat.models import Attachment, Membership, Message, Room
from chat.selectors import NO_ATTACHMENT, message_payload

pytestmark = pytest.mark.django_db(transaction=True)
PNG = b"\x89PNG\r\n\x1a\n and so on"


@pytest.fixture(autouse=True)
def storage_folder(settings, tmp_path):
    folder = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": tmp_path / "files"},
    }
    settings.STORAGES = settings.STORAGES | {"default": folder}


def upload(user, room: Room, content: bytes = b"A note.", filename: str = "note.txt") -> Attachment:
    return actions.upload_attachment(user, room_id=room.pk, file=io.BytesIO(content), filename=filename)


def post(user, room: Room, *attachments: Attachment, text: str = "see", **more) -> Message:
    ids = [str(one.pk) for one in attachments]
    return actions.post_message(user, room_id=room.pk, text=text, attachment_ids=ids, **more)


@async_to_sync
async def body(response) -> bytes:
    content = b"".join([block async for block in response.streaming_content])
    response.close()  # as the server does
    return content


# ------------------------------------------------------------------------------------------------- posting


def test_files_are_posted_in_the_order_they_are_named(grace, general):
    first, second = upload(grace, general, PNG, "plan.png"), upload(grace, general)

    message = post(grace, general, second, first)

    expected = [
        {
            "id": str(second.pk),
            "filename": "note.txt",
            "mediaType": "text/plain",
            "sizeBytes": 7,
            "url": f"/attachments/{second.pk}/",
        },
        {
            "id": str(first.pk),
            "filename": "plan.png",
            "mediaType": "image/png",
            "sizeBytes": len(PNG),
            "url": f"/attachments/{first.pk}/",
        },
    ]
    assert message_payload(message)["attachments"] == expected
    assert message_payload(Message.objects.get())["attachments"] == expected
    assert set(Attachment.objects.values_list("message_id", flat=True)) == {message.pk}


def test_only_with_a_file_a_message_needs_no_text(grace, general):
    assert post(grace, general, upload(grace, general), text=" ").html == ""
    with pytest.raises(BadInput):
        post(grace, general, text=" ")


def _of_another_room(ada, grace, general, private):
    Membership.objects.create(room=private, user=grace)
    return upload(grace, private)


def _of_somebody_else(ada, grace, general, private):
    return upload(ada, general)


def _posted_before(ada, grace, general, private):
    attachment = upload(grace, general)
    post(grace, general, attachment)
    return attachment


def _never_there(ada, grace, general, private):
    return Attachment(pk=10**15)


@pytest.mark.parametrize("which", [_of_another_room, _of_somebody_else, _posted_before, _never_there])
def test_a_file_that_is_not_ones_own_to_post_here_is_like_none_and_nothing_is_posted(
    ada, grace, general, private, which
):
    attachment, own = which(ada, grace, general, private), upload(grace, general)
    before = Message.objects.count(), Room.objects.get(pk=general.pk).version

    with pytest.raises(NotFound) as refused:
        post(grace, general, own, attachment)

    assert refused.value.as_dict() == {"code": "NOT_FOUND", "message": NO_ATTACHMENT}
    assert (Message.objects.count(), Room.objects.get(pk=general.pk).version) == before
    assert Attachment.objects.get(pk=own.pk).message is None


@pytest.mark.parametrize("wrong", ["7", {"7": 1}, [1] * 2, list(range(11)), 7])
def test_ids_that_are_no_list_of_a_few_different_ones_are_refused(grace, general, wrong):
    with pytest.raises(BadInput) as refused:
        actions.post_message(grace, room_id=general.pk, text="x", attachment_ids=wrong)
    assert list(refused.value.fields) == ["attachmentIds"]


def test_a_retry_gives_the_first_message_with_its_files(grace, general):
    attachment = upload(grace, general)
    first = post(grace, general, attachment, client_id="once")
    again = post(grace, general, attachment, client_id="once")
    assert (again.pk, again.attachments) == (first.pk, first.attachments)
    assert Message.objects.count() == 1


def test_posts_with_and_without_files_keep_their_order_and_do_not_fail_each_other(ada, grace, general):
    mine, foreign = upload(grace, general), upload(ada, general)

    def make(text: str, *files: Attachment) -> Post:
        return Post.checked(grace, general.pk, text, attachment_ids=[one.pk for one in files])

    posted = post_messages([make("one"), make("two", mine), make("three", foreign), make("four")])

    assert [one.payload and one.payload["text"] for one in posted] == ["one", "two", None, "four"]
    assert [one.payload["version"] for one in posted if one.payload] == [1, 2, 3]
    assert isinstance(posted[2].error, NotFound)
    assert posted[1].payload is not None
    assert posted[1].payload["attachments"][0]["id"] == str(mine.pk)


# ------------------------------------------------------------------------------------------------- uploading


def test_who_cannot_post_in_the_room_stores_nothing(grace, guest, general, private):
    with pytest.raises(NotFound):
        upload(grace, private)
    with pytest.raises(NotFound):
        upload(guest, general)
    Membership.objects.filter(user=grace).delete()
    with pytest.raises(Forbidden):
        upload(grace, general)
    Room.objects.filter(pk=general.pk).update(archived_at=timezone.now())
    with pytest.raises(Conflict):
        upload(grace, general)
    assert not Attachment.objects.exists()


def test_a_file_that_is_empty_or_too_large_is_refused(grace, general, settings):
    settings.UPLOAD_MAX_BYTES = 10
    with pytest.raises(BadInput):
        upload(grace, general, b"")
    with pytest.raises(PayloadTooLarge):
        upload(grace, general, b"x" * 11)
    assert upload(grace, general, b"x" * 10).size_bytes == 10


def test_all_files_of_a_user_together_have_a_limit_that_deleting_lifts(ada, grace, general, settings):
    settings.ATTACHMENTS_MAX_BYTES = 10
    message = post(grace, general, upload(grace, general, b"x" * 6))
    with pytest.raises(PayloadTooLarge):
        upload(grace, general, b"y" * 5)
    assert upload(ada, general, b"y" * 5)

    actions.delete_message(grace, message_id=message.pk)

    assert upload(grace, general, b"y" * 5)


@pytest.mark.parametrize(
    ("head", "filename", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n", "x", "image/png"),
        (b"\xff\xd8\xff\xe0", "x.txt", "image/jpeg"),
        (b"GIF89a", "x.gif", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBP", "x", "image/webp"),
        (b"<script>", "x.png", "application/octet-stream"),
        (b"<svg", "x.svg", "image/svg+xml"),
        (b"<html>", "x.html", "text/html"),
        (b"what", "x.unheardof", "application/octet-stream"),
    ],
)
def test_images_are_told_by_their_bytes_and_the_rest_by_the_name(head, filename, expected):
    assert media_type_of(head, filename) == expected


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("C:\\fakepath\\a.txt", "a.txt"),
        ("../../etc/passwd", "passwd"),
        ("a\r\nb\x00.txt", "a b .txt"),
        (".htaccess", "htaccess"),
        ("", "file"),
        ("n" * 300 + ".txt", "n" * 196 + ".txt"),
    ],
)
def test_a_filename_is_one_short_line_without_its_path(filename, expected):
    assert clean_filename(filename) == expected


# ------------------------------------------------------------------------------------------------- reading


def read(client, user, attachment: Attachment):
    client.force_login(user)
    return client.get(reverse("attachment", args=[attachment.pk]))


def test_before_it_is_posted_only_its_owner_reads_a_file(client, ada, grace, general):
    attachment = upload(grace, general)
    assert body(read(client, grace, attachment)) == b"A note."
    assert read(client, ada, attachment).status_code == 404
    post(grace, general, attachment)
    assert body(read(client, ada, attachment)) == b"A note."


def test_who_cannot_read_the_room_finds_no_file(client, ada, grace, guest, private):
    attachment = upload(ada, private)
    post(ada, private, attachment)
    for user in (grace, guest):
        refused = read(client, user, attachment)
        absent = client.get(reverse("attachment", args=[10**15]))
        assert (refused.status_code, refused.content) == (404, absent.content)
    client.logout()
    assert client.get(reverse("attachment", args=[attachment.pk])).status_code == 302


def test_what_is_uploaded_never_runs_as_a_page(client, grace, general):
    page = read(client, grace, upload(grace, general, b"<script>alert(1)</script>", "x.html"))
    image = read(client, grace, upload(grace, general, PNG, "plän.png"))

    assert page["Content-Type"] == "application/octet-stream"
    assert page["Content-Disposition"] == 'attachment; filename="x.html"'
    assert image["Content-Type"] == "image/png"
    assert image["Content-Disposition"].startswith("inline;")
    assert [body(page), body(image)] == [b"<script>alert(1)</script>", PNG]
    for response in (page, image):
        assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Cache-Control"] == "private, no-store"


def test_a_client_with_a_token_reads_it_as_well(client, grace, general):
    attachment = upload(grace, general)
    token = str(SignInSerializer.get_token(grace).access_token)
    address = reverse("attachment", args=[attachment.pk])
    assert body(client.get(address, headers={"authorization": f"Bearer {token}"})) == b"A note."
    told = client.head(address, headers={"authorization": f"Bearer {token}"})
    assert (told.status_code, told["Content-Length"], told.content) == (200, "7", b"")
    refused = client.get(address, headers={"authorization": "Bearer x", "accept": "application/json"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "UNAUTHENTICATED")


# ------------------------------------------------------------------------------------------------- going


def test_with_its_message_a_file_is_gone_unless_another_message_has_the_same(client, ada, grace, general):
    first, second = upload(grace, general), upload(ada, general)
    assert first.file == second.file
    one, two = post(grace, general, first), post(ada, general, second)

    deleted = actions.delete_message(ada, message_id=one.pk)
    assert message_payload(deleted)["attachments"] == []
    assert read(client, grace, first).status_code == 404
    assert body(read(client, grace, second)) == b"A note."

    actions.delete_message(ada, message_id=two.pk)
    assert not default_storage.exists(first.file)


def test_uploads_that_are_never_posted_are_given_up_after_a_day(grace, general):
    old, young, posted = (upload(grace, general, name.encode()) for name in ("old", "young", "posted"))
    post(grace, general, posted)
    yesterday = timezone.now() - timedelta(days=1, seconds=1)
    Attachment.objects.exclude(pk=young.pk).update(created_at=yesterday)

    assert remove_unposted_attachments() == 1
    assert remove_unposted_attachments() == 0
    assert remove_unused_contents() == 0  # it may be about to get a row
    assert remove_unused_contents(keep=timedelta(0)) == 1

    assert set(Attachment.objects.all()) == {young, posted}
    assert [default_storage.exists(one.file) for one in (old, young, posted)] == [False, True, True]


# ------------------------------------------------------------------------------------------------- pages


def test_a_room_shows_files_with_their_sizes_and_images_as_such(client, grace, general):
    image, other = upload(grace, general, PNG, "plan.png"), upload(grace, general, b"x" * 2500, "a<b>.html")
    post(grace, general, image, other)
    client.force_login(grace)

    page = client.get(reverse("room", args=[general.pk])).content.decode()

    assert f'<img class="file-image" src="/attachments/{image.pk}/"' in page
    assert f'href="/attachments/{other.pk}/" download' in page
    assert page.count("<img") == 1
    assert "a&lt;b&gt;.html" in page
    assert "2 KB" in page
