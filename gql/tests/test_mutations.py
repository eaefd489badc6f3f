"""Stories of writing through GraphQL, and refusals that change nothing."""

import pytest

from chat.database import run_in_db
from chat.models import Membership, Message, Room, User

pytestmark = pytest.mark.django_db(transaction=True)

CREATE_ROOM = (
    "mutation($input: CreateRoomInput!) { createRoom(input: $input) { id name kind topic version } }"
)
SEND = """mutation($input: SendMessageInput!) { sendMessage(input: $input) {
    id version text html clientId parentId kind status citations { number } reactions { emoji } attachments { id }
    room { version } author { username } createdAt editedAt error { code } answer { id } } }"""


async def test_an_admin_creates_a_user_who_can_then_sign_in(as_user, http, ada):
    mutation = (
        "mutation($input: CreateUserInput!) { createUser(input: $input) { username displayName email } }"
    )
    values = {
        "username": "linus",
        "password": "a penguin named",
        "displayName": "Linus",
        "email": "l@example.org",
    }

    made = (await as_user(ada).data(mutation, input=values))["createUser"]
    signed_in = await http.post("/api/token/", json={"username": "linus", "password": "a penguin named"})

    assert made == {"username": "linus", "displayName": "Linus", "email": "l@example.org"}
    assert signed_in.status_code == 200


async def test_a_user_cannot_create_users_and_an_admin_is_told_which_fields_are_wrong(as_user, ada, grace):
    mutation = "mutation($input: CreateUserInput!) { createUser(input: $input) { id } }"
    values = {"username": "grace", "password": "short"}

    assert (await as_user(grace).error(mutation, input=values))["code"] == "FORBIDDEN"
    extensions = await as_user(ada).error(mutation, input=values)
    assert extensions["code"] == "BAD_USER_INPUT"
    assert "password" in extensions["fields"]
    assert await User.objects.acount() == 2


async def test_a_room_is_made_renamed_joined_left_and_archived(as_user, ada, grace):
    owner, other = as_user(ada), as_user(grace)
    room = (await owner.data(CREATE_ROOM, input={"name": "plans", "topic": "what next"}))["createRoom"]
    assert (room["name"], room["kind"], room["topic"]) == ("plans", "PUBLIC", "what next")

    joined = await other.data(
        "mutation($id: ID!) { joinRoom(roomId: $id) { members { totalCount } } }", id=room["id"]
    )
    assert joined["joinRoom"]["members"]["totalCount"] == 2

    rename = "mutation($input: UpdateRoomInput!) { updateRoom(input: $input) { name topic } }"
    assert (await other.error(rename, input={"roomId": room["id"], "name": "mine"}))["code"] == "FORBIDDEN"
    renamed = await owner.data(rename, input={"roomId": room["id"], "name": "schemes"})
    assert renamed["updateRoom"] == {"name": "schemes", "topic": "what next"}

    leave = "mutation($id: ID!) { leaveRoom(roomId: $id) }"
    assert await other.data(leave, id=room["id"]) == {"leaveRoom": True}
    assert await other.data(leave, id=room["id"]) == {"leaveRoom": False}
    archived = await owner.data(
        "mutation($id: ID!) { archiveRoom(roomId: $id) { archivedAt } }", id=room["id"]
    )
    assert archived["archiveRoom"]["archivedAt"]
    assert (await owner.error(SEND, input={"roomId": room["id"], "text": "x"}))["code"] == "CONFLICT"


async def test_members_are_added_and_removed_by_an_owner_only(as_user, ada, grace, private):
    add = "mutation($input: MemberInput!) { addMember(input: $input) { role user { username } lastReadVersion } }"
    values = {"roomId": str(private.pk), "userId": str(grace.pk), "role": "MODERATOR"}
    assert (await as_user(grace).error(add, input=values))["code"] == "NOT_FOUND"

    added = (await as_user(ada).data(add, input=values))["addMember"]
    assert added == {"role": "MODERATOR", "user": {"username": "grace"}, "lastReadVersion": 0}

    remove = "mutation($room: ID!, $user: ID!) { removeMember(roomId: $room, userId: $user) }"
    assert await as_user(ada).data(remove, room=private.pk, user=grace.pk) == {"removeMember": True}
    assert not await Membership.objects.filter(user=grace).aexists()


async def test_roles_are_given_and_taken_by_an_owner_only(as_user, grace, guest, general):
    linus = await User.objects.acreate(username="linus")
    await Membership.objects.acreate(room=general, user=linus, role="owner")
    add = "mutation($input: MemberInput!) { addMember(input: $input) { role } }"
    change = """mutation($room: ID!, $user: ID!, $role: RoomRole!) {
        changeRole(roomId: $room, userId: $user, role: $role) { role } }"""
    ids = {"room": general.pk, "user": grace.pk}
    as_owner, as_member = as_user(linus), as_user(grace)

    assert (await as_member.error(change, **ids, role="OWNER"))["code"] == "FORBIDDEN"
    values = {"roomId": general.pk, "userId": grace.pk}
    assert await as_owner.data(add, input=values | {"role": "MODERATOR"}) == {
        "addMember": {"role": "MODERATOR"}
    }
    assert (await as_member.error(change, **ids, role="OWNER"))["code"] == "FORBIDDEN"
    assert await as_owner.data(add, input=values) == {"addMember": {"role": "MODERATOR"}}
    assert await as_owner.data(change, **ids, role="MEMBER") == {"changeRole": {"role": "MEMBER"}}
    assert (await as_owner.error(change, room=general.pk, user=guest.pk, role="MEMBER"))[
        "code"
    ] == "NOT_FOUND"


async def test_control_characters_are_no_internal_error(as_user, ada):
    values = {"name": "pl\x00ans", "topic": "what\x00next"}
    room = (await as_user(ada).data(CREATE_ROOM, input=values))["createRoom"]
    assert (room["name"], room["topic"]) == ("pl ans", "what next")


async def test_a_direct_room_is_the_same_one_for_both(as_user, ada, grace):
    first = await as_user(ada).data(
        CREATE_ROOM, input={"name": "x", "kind": "DIRECT", "memberIds": [grace.pk]}
    )
    second = await as_user(grace).data(
        CREATE_ROOM, input={"name": "y", "kind": "DIRECT", "memberIds": [ada.pk]}
    )
    assert first["createRoom"]["id"] == second["createRoom"]["id"]
    assert first["createRoom"]["kind"] == "DIRECT"
    error = await as_user(ada).error(CREATE_ROOM, input={"name": "x", "kind": "DIRECT"})
    assert error["fields"] == {"memberIds": "must name the one other person"}


async def test_a_message_is_sent_answered_edited_and_deleted(as_user, ada, general):
    client = as_user(ada)
    sent = (await client.data(SEND, input={"roomId": general.pk, "text": "**hi**", "clientId": "c1"}))[
        "sendMessage"
    ]
    assert sent == sent | {
        "version": 1,
        "text": "**hi**",
        "html": "<p><strong>hi</strong></p>",
        "clientId": "c1",
        "parentId": None,
        "kind": "PERSON",
        "status": "FINAL",
        "citations": [],
        "reactions": [],
        "attachments": [],
        "room": {"version": 1},
        "author": {"username": "ada"},
        "editedAt": None,
        "error": None,
        "answer": None,
    }

    again = await client.data(SEND, input={"roomId": general.pk, "text": "**hi**", "clientId": "c1"})
    assert again["sendMessage"]["id"] == sent["id"]
    reply = await client.data(SEND, input={"roomId": general.pk, "text": "yes", "parentId": sent["id"]})
    assert reply["sendMessage"]["parentId"] == sent["id"]

    edit = """mutation($id: ID!, $text: String!) {
        editMessage(messageId: $id, text: $text) { text version editedAt replyCount } }"""
    edited = (await client.data(edit, id=sent["id"], text="hello"))["editMessage"]
    assert (edited["text"], edited["version"], edited["replyCount"]) == ("hello", 3, 1)
    assert edited["editedAt"]

    delete = "mutation($id: ID!) { deleteMessage(messageId: $id) { text deletedAt } }"
    deleted = (await client.data(delete, id=sent["id"]))["deleteMessage"]
    assert deleted["text"] == "" and deleted["deletedAt"]
    assert (await client.error(edit, id=sent["id"], text="back"))["code"] == "CONFLICT"


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "BAD_USER_INPUT"), ("  \n", "BAD_USER_INPUT"), ("x" * 20_001, "PAYLOAD_TOO_LARGE")],
)
async def test_texts_that_cannot_be_stored_are_refused(as_user, ada, general, text, code):
    assert (await as_user(ada).error(SEND, input={"roomId": general.pk, "text": text}))["code"] == code
    assert await Message.objects.acount() == 0
    await general.arefresh_from_db()
    assert general.version == 0


async def test_a_refused_edit_or_deletion_changes_nothing(as_user, ada, grace, general):
    sent = (await as_user(ada).data(SEND, input={"roomId": general.pk, "text": "mine"}))["sendMessage"]
    for mutation in (
        'mutation($id: ID!) { editMessage(messageId: $id, text: "yours") { id } }',
        "mutation($id: ID!) { deleteMessage(messageId: $id) { id } }",
    ):
        assert (await as_user(grace).error(mutation, id=sent["id"]))["code"] == "FORBIDDEN"
    message = await Message.objects.aget()
    assert (message.text, message.version, message.deleted_at) == ("mine", 1, None)


async def test_nobody_posts_in_a_room_that_is_not_open_to_them(as_user, grace, private):
    assert (await as_user(grace).error(SEND, input={"roomId": private.pk, "text": "x"}))[
        "code"
    ] == "NOT_FOUND"
    assert await Message.objects.acount() == 0


async def test_marking_read_lowers_the_unread_count_within_one_operation(as_user, ada, grace, general):
    for text in ("one", "two"):
        await as_user(ada).data(SEND, input={"roomId": general.pk, "text": text})
    mark = """mutation($id: ID!) { first: markRead(roomId: $id, version: 1) { unreadCount }
        second: markRead(roomId: $id, version: 2) { unreadCount } }"""

    marked = await as_user(grace).data(mark, id=general.pk)

    assert marked == {"first": {"unreadCount": 1}, "second": {"unreadCount": 0}}
    error = await as_user(grace).error(
        "mutation($id: ID!) { markRead(roomId: $id, version: 9) { id } }", id=general.pk
    )
    assert error["code"] == "BAD_USER_INPUT"


async def test_a_guest_creates_no_room(as_user, guest):
    assert (await as_user(guest).error(CREATE_ROOM, input={"name": "den"}))["code"] == "FORBIDDEN"
    assert await run_in_db(Room.objects.count) == 0
