"""Files of messages through GraphQL and Socket.IO: the same attachment on every transport."""

import json

import pytest

from chat.models import Attachment
from chat.tests.socket_client import sign_in
from gql.tests.client import access_token

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def storage_folder(settings, tmp_path):
    folder = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": tmp_path / "files"},
    }
    settings.STORAGES = settings.STORAGES | {"default": folder}


UPLOAD = """mutation($input: UploadAttachmentInput!) {
    uploadAttachment(input: $input) { id filename mediaType sizeBytes url } }"""
SEND = """mutation($input: SendMessageInput!) {
    sendMessage(input: $input) { id text attachments { id filename mediaType sizeBytes url } } }"""
READ = "query($id: ID!) { message(id: $id) { attachments { id filename mediaType sizeBytes url } } }"
EVENTS = """subscription($room: ID!) { messageAdded(roomId: $room) {
    attachments { id filename mediaType sizeBytes url } } }"""


async def _upload(http, user, room, *, name: str = "note.txt", content: bytes = b"A note.") -> dict:
    operations = {"query": UPLOAD, "variables": {"input": {"roomId": str(room.pk), "file": None}}}
    response = await http.post(
        "/graphql",
        data={"operations": json.dumps(operations), "map": json.dumps({"0": ["variables.input.file"]})},
        files={"0": (name, content, "text/plain")},
        headers={"authorization": f"Bearer {await access_token(user)}"},
    )
    return response.json()


async def test_a_file_is_uploaded_posted_heard_of_and_read(http, as_user, open_socket, ada, grace, general):
    listener = await open_socket(ada).start()
    await listener.subscribe("1", EVENTS, room=general.pk)

    uploaded = (await _upload(http, grace, general))["data"]["uploadAttachment"]
    assert (uploaded["filename"], uploaded["mediaType"], uploaded["sizeBytes"]) == (
        "note.txt",
        "text/plain",
        7,
    )
    values = {"roomId": str(general.pk), "text": "", "attachmentIds": [uploaded["id"]]}
    sent = (await as_user(grace).data(SEND, input=values))["sendMessage"]

    assert (sent["text"], sent["attachments"]) == ("", [uploaded])
    assert (await listener.next_data())["messageAdded"]["attachments"] == [uploaded]
    assert (await as_user(ada).data(READ, id=sent["id"]))["message"]["attachments"] == [uploaded]
    token = {"authorization": f"Bearer {await access_token(ada)}"}
    assert (await http.get(uploaded["url"], headers=token)).content == b"A note."


async def test_a_socket_client_posts_what_it_uploaded(http, ada, grace, general):
    uploaded = (await _upload(http, grace, general))["data"]["uploadAttachment"]
    theirs = (await _upload(http, ada, general))["data"]["uploadAttachment"]
    client = await sign_in(grace)
    try:
        message = {"text": "see", "attachmentIds": [uploaded["id"]]}
        sent = await client.emit("send-message", str(general.pk), message)
        refused = await client.emit(
            "send-message", str(general.pk), {**message, "attachmentIds": [theirs["id"]]}
        )
    finally:
        await client.disconnect()

    assert sent["message"]["attachments"] == [uploaded]
    assert (refused["ok"], refused["error"]["code"]) == (False, "NOT_FOUND")


async def test_who_may_not_post_in_the_room_uploads_nothing(http, grace, private):
    [error] = (await _upload(http, grace, private))["errors"]
    assert error["extensions"]["code"] == "NOT_FOUND"
    assert not await Attachment.objects.aexists()
