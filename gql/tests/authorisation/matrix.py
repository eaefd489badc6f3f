"""Who may read each field of the schema, and who may use each mutation.

A new field makes test_matrix.py fail until it stands here. How to add one:

- a field of an object type that shows no more than its object does: name it in READERS, beside its type;
- a field that asks who is looking, by itself: name it in OWN_RULES with a test, which you write in test_own_rules.py;
- a new object type: give it an entry in READERS, a selection by which the owner of the world (world.py) reaches one;
- a query without an id among its arguments: name it in LISTS; test_crawl.py looks what it gives to whom;
- a mutation: name it in MEMBERS_MAY or MEMBERS_MAY_NOT. With ids it is tried by test_ids.py of itself.
"""

from dataclasses import dataclass

from gql.tests.authorisation.world import SECRET, World


@dataclass(frozen=True)
class Readers:
    """An object type is read by who may read `entry`; FIELD stands for the field, words in capitals for ids.

    With `is_list` the entry is open to everybody, and holds for each what is his or hers.
    """

    entry: str
    fields: str
    is_list: bool = False
    root: str = "query"

    def operation(self, world: World, field: str) -> str:
        entry = self.entry.replace("FIELD", f"__typename {field}")
        for word, (kind, name) in _IDS.items():
            entry = entry.replace(word, f'"{world.objects[kind][name]}"')
        return f"{self.root} {{ {entry} }}"


_IDS = {  # a word that begins another one stands after it
    "ROOM": ("room", "private"),
    "MESSAGE": ("message", "in private"),
    "ANSWERED": ("message", "answer, finished"),
    "FAILED": ("message", "answer, failed"),
    "COLLECTION": ("collection", "private"),
    "DOCUMENT": ("document", "private"),
    "ANSWER": ("answer", "finished"),
}
_CONNECTION = "edges pageInfo totalCount"
_EDGE = "cursor node"
_MEMBERS = "room(id: ROOM) { members { %s } }"
_FOUND = f'search(query: "{SECRET}") {{ %s }}'
_EVENTS = "roomEvents(roomId: ROOM, since: 0) { ... on %s { FIELD } }"
_STREAM = "answerStream(answerId: ANSWER) { ... on %s { FIELD } }"

READERS: dict[str, Readers] = {
    "Room": Readers(
        "room(id: ROOM) { FIELD }",
        "archivedAt id kind members messages name topic version unreadCount mentionCount",
    ),
    "RoomConnection": Readers("rooms { FIELD }", _CONNECTION, is_list=True),
    "RoomEdge": Readers("rooms { edges { FIELD } }", _EDGE, is_list=True),
    "Membership": Readers(_MEMBERS % "edges { node { FIELD } }", "joinedAt lastReadVersion role user"),
    "MembershipConnection": Readers(_MEMBERS % "FIELD", _CONNECTION),
    "MembershipEdge": Readers(_MEMBERS % "edges { FIELD }", _EDGE),
    "User": Readers(
        _MEMBERS % "edges { node { user { FIELD } } }",
        "displayName email id isBot lastSeenAt presence username",
    ),
    "UserConnection": Readers("users { FIELD }", _CONNECTION, is_list=True),
    "UserEdge": Readers("users { edges { FIELD } }", _EDGE, is_list=True),
    "Message": Readers(
        "message(id: MESSAGE) { FIELD }",
        "answer attachments author citations clientId createdAt deletedAt deltaIndex editedAt error html id kind"
        " parentId reactions replyCount room roomId status text version",
    ),
    "MessageConnection": Readers("room(id: ROOM) { messages { FIELD } }", _CONNECTION),
    "MessageEdge": Readers("room(id: ROOM) { messages { edges { FIELD } } }", _EDGE),
    "PageInfo": Readers(
        "room(id: ROOM) { messages { pageInfo { FIELD } } }",
        "endCursor hasNextPage hasPreviousPage startCursor",
    ),
    "Attachment": Readers(
        "message(id: MESSAGE) { attachments { FIELD } }", "filename id mediaType sizeBytes url"
    ),
    "Citation": Readers(
        "message(id: ANSWERED) { citations { FIELD } }",
        "documentId documentTitle heading number page quote url",
    ),
    "ReactionCount": Readers("message(id: MESSAGE) { reactions { FIELD } }", "count emoji mine userIds"),
    "ProblemDetail": Readers("message(id: FAILED) { error { FIELD } }", "code message"),
    "Collection": Readers(
        "document(id: DOCUMENT) { collection { FIELD } }",
        "description documentCount everyone id name owner rooms",
    ),
    "CollectionConnection": Readers("collections { FIELD }", _CONNECTION, is_list=True),
    "CollectionEdge": Readers("collections { edges { FIELD } }", _EDGE, is_list=True),
    "Document": Readers(
        "document(id: DOCUMENT) { FIELD }",
        "chunkCount collection createdAt embeddedCount error filename id language mediaType sizeBytes source status"
        " title uploadedBy url warning",
    ),
    "DocumentConnection": Readers("documents(collectionId: COLLECTION) { FIELD }", _CONNECTION),
    "DocumentEdge": Readers("documents(collectionId: COLLECTION) { edges { FIELD } }", _EDGE),
    "Answer": Readers(
        "answer(id: ANSWER) { FIELD }",
        "assistant cost createdAt finishedAt id inputTokens message model outputTokens passages promptVersion question"
        " status",
    ),
    "Passage": Readers(
        "answer(id: ANSWER) { passages { FIELD } }", "document heading id page score text url"
    ),
    "SearchResultConnection": Readers(_FOUND % "FIELD", "edges pageInfo", is_list=True),
    "SearchResultEdge": Readers(_FOUND % "edges { FIELD }", "cursor node snippet", is_list=True),
    "Usage": Readers(
        "usage { FIELD }", "answers budget cost inputTokens outputTokens remaining", is_list=True
    ),
    "MessageAdded": Readers(_EVENTS % "MessageAdded", "message", root="subscription"),
    "MessageUpdated": Readers(_EVENTS % "MessageUpdated", "message", root="subscription"),
    "MessageDelta": Readers(_EVENTS % "MessageDelta", "index messageId text", root="subscription"),
    "TypingChanged": Readers(_EVENTS % "TypingChanged", "typing user", root="subscription"),
    "PresenceChanged": Readers(_EVENTS % "PresenceChanged", "presence user", root="subscription"),
    "AnswerDelta": Readers(_STREAM % "AnswerDelta", "index text", root="subscription"),
    "AnswerFinished": Readers(_STREAM % "AnswerFinished", "answer", root="subscription"),
}

# Fields that look at who asks: the field -> its test in test_own_rules.py.
OWN_RULES = {
    "Query.me": "test_me_is_who_asks",
    "Query.usage": "test_usage_is_that_of_ones_own_questions",
    "User.email": "test_an_address_is_read_by_its_owner_and_admins",
    "User.lastSeenAt": "test_a_guest_learns_nothing_of_people_outside_his_rooms",
    "User.presence": "test_a_guest_learns_nothing_of_people_outside_his_rooms",
    "User.username": "test_a_guest_learns_nothing_of_people_outside_his_rooms",
    "Collection.rooms": "test_of_the_rooms_of_a_collection_only_readable_ones_are_named",
    "Answer.passages": "test_of_the_passages_of_an_answer_only_readable_ones_are_given",
    "Room.unreadCount": "test_what_is_unread_is_the_readers_own",
    "Room.mentionCount": "test_what_is_unread_is_the_readers_own",
    "ReactionCount.mine": "test_a_reaction_is_mine_for_who_reacted",
}

LISTS = {"users", "rooms", "collections", "documents", "similaritySearch", "search"}

ADMINS_ONLY = {"createUser"}
# A member of a room, with the room and what others wrote, asked and uploaded there.
MEMBERS_MAY = {
    "addReaction",
    "ask",
    "createCollection",
    "createRoom",
    "joinRoom",
    "leaveRoom",
    "markRead",
    "rateAnswer",
    "removeReaction",
    "sendMessage",
    "uploadAttachment",
}
MEMBERS_MAY_NOT = ADMINS_ONLY | {
    "addDocumentUrl",
    "addMember",
    "archiveRoom",
    "changeRole",
    "checkDocumentUrl",
    "deleteDocument",
    "deleteMessage",
    "editMessage",
    "regenerateAnswer",
    "removeMember",
    "shareCollection",
    "stopAnswer",
    "updateRoom",
    "uploadDocument",
}
GUESTS_MAY_NOT = {"createCollection", "createRoom"}
