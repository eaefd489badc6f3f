"""One tenant's objects of every kind, and the people who must not see them.

A text that only the members of private rooms may read has the word SECRET in it; one that everybody but guests may
read has INTERNAL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from chat import actions
from chat.actions import AnswerDraft, begin_draft, change_draft
from chat.models import Attachment, Membership, Message, Room, User
from rag.actions import create_collection
from rag.actions.texts import add_text
from rag.models import Answer, AnswerAttempt, AnswerPassage, Chunk, Collection, Document, ModelCall

SECRET, INTERNAL = "hushhush", "insiders"
ABSENT = "987654321987654"  # an id that nothing has

Ids = dict[str, str]


@dataclass(frozen=True)
class World:
    """`people` by user name; `objects` and `own` by kind, then name, the ids.

    `objects` are the tenant's; `own` are what each person has, which must not help to reach the others.
    """

    people: dict[str, User]
    objects: dict[str, Ids]
    own: dict[str, Ids]

    def own_id(self, username: str, kind: str) -> str:
        return self.own[username].get(kind, ABSENT)

    def hidden_from(self, username: str, kind: str) -> Ids:
        """Of the tenant's objects of that kind, those this person must not know of."""
        return {name: pk for name, pk in self.objects[kind].items() if (username, kind, name) not in _OPEN_TO}


# (who, kind, name): what else is visible to a person, by the rules of docs/security.md.
_NO_GUESTS = ("sam", "rob")  # the stranger and the removed member are accounts like any other
_OPEN_TO = {
    *((who, "room", "public") for who in _NO_GUESTS),
    *((who, "room", "public, archived") for who in _NO_GUESTS),
    *((who, "message", "in public") for who in _NO_GUESTS),
    *((who, "collection", "everyone") for who in (*_NO_GUESTS, "gil")),
    *((who, "document", "everyone") for who in (*_NO_GUESTS, "gil")),
    *((who, "user", name) for who in _NO_GUESTS for name in ("olga", "ann", "gil", "mia")),
    *(("gil", kind, "lobby") for kind in ("room", "message")),
    *(("gil", "user", name) for name in ("olga", "gil")),
}


def build_world() -> World:
    """Make it. Every text and file in it is of the tenant `olga`, who owns all rooms but those in `own`."""
    people = {
        name: User.objects.create_user(name, f"{name}@example.org", "correct horse", **fields)
        for name, fields in (
            ("olga", {"display_name": "Olga"}),
            ("ann", {"display_name": f"Ann {INTERNAL}"}),
            ("mia", {"display_name": "Mia"}),
            ("sam", {}),
            ("rob", {}),
            ("gil", {"is_guest": True}),
            ("cleo", {"display_name": f"Cleo {INTERNAL}"}),
            ("root", {"is_superuser": True, "is_staff": True}),
        )
    }
    people["parley"] = User.objects.create(username="parley", is_bot=True, bot_task="rag.answer")
    rooms = _rooms(people)
    messages = _messages(people, rooms)
    collections = _collections(people["olga"], rooms)
    answers, answer_messages = _answers(people, rooms["private"], messages["in private"], collections)
    objects = {
        "room": _ids(rooms),
        "message": _ids(messages | answer_messages),
        "collection": _ids(collections),
        "document": {name: str(Document.objects.get(collection=one).pk) for name, one in collections.items()},
        "answer": _ids(answers),
        "attachment": _attachments(people["olga"], messages["in private"]),
        "user": _ids({name: people[name] for name in ("olga", "ann", "mia", "gil", "cleo")}),
    }
    own = {name: _own(people[name]) for name in people if name != "parley"}
    own["gil"] |= {"room": str(rooms["lobby"].pk), "message": str(messages["lobby"].pk)}
    _end_access(people, rooms)
    return World(people, objects, own)


def _ids(rows: Mapping[str, Model]) -> Ids:
    return {name: str(row.pk) for name, row in rows.items()}


def _rooms(people: dict[str, User]) -> dict[str, Room]:
    kinds = {
        "private": ("private", f"{SECRET} plans", "mia ann rob cleo parley"),
        "archived": ("private", f"{SECRET} archive", "mia ann rob cleo"),
        "direct": ("direct", f"{SECRET} olga, ann", "ann"),
        "public": ("public", f"{INTERNAL} news", "mia ann cleo"),
        "public, archived": ("public", f"{INTERNAL} old news", "ann"),
        "lobby": ("private", "lobby", "gil"),
    }
    rooms = {}
    for name, (kind, title, members) in kinds.items():
        rooms[name] = room = Room.objects.create(name=title, topic=title, kind=kind)
        Membership.objects.create(room=room, user=people["olga"], role="owner")
        for member in members.split():
            role = "guest" if people[member].is_guest else "member"
            Membership.objects.create(room=room, user=people[member], role=role)
    return rooms


def _messages(people: dict[str, User], rooms: dict[str, Room]) -> dict[str, Message]:
    def post(author: str, room: str, text: str, **more: object) -> Message:
        return actions.post_message(people[author], room_id=rooms[room].pk, text=text, **more)

    messages = {
        "in private": post("olga", "private", f"the {SECRET} plan, @mia"),
        "of who was removed": post("rob", "private", f"a {SECRET} that rob wrote"),
        "of who was closed": post("cleo", "private", f"a {SECRET} that cleo wrote"),
        "deleted": post("olga", "private", f"a {SECRET} regretted"),
        "in archived": post("olga", "archived", f"an old {SECRET}"),
        "in direct": post("olga", "direct", f"a {SECRET} between two"),
        "in public": post("olga", "public", f"for {INTERNAL}"),
        "lobby": post("olga", "lobby", "welcome"),
    }
    first = messages["in private"]
    messages["reply"] = post("ann", "private", f"{SECRET} noted", parent_id=first.pk)
    actions.add_reaction(people["ann"], message_id=first.pk, emoji="👍")
    actions.delete_message(people["olga"], message_id=messages["deleted"].pk)
    for name in ("archived", "public, archived"):
        actions.archive_room(people["olga"], room_id=rooms[name].pk)
    return messages


def _collections(owner: User, rooms: dict[str, Room]) -> dict[str, Collection]:
    def collect(name: str, **sharing: Any) -> Collection:
        made = create_collection(owner, name=name, description=name, **sharing)
        add_text(owner, collection_id=made.pk, source=name, title=name, text=f"What the {name} says.")
        return made

    collections = {
        "own": collect(f"{SECRET} drafts"),
        "private": collect(f"{SECRET} handbook", room_ids=[rooms["private"].pk]),
        "everyone": collect("leaflet", everyone=True),
    }
    Document.objects.filter(collection=collections["private"]).update(
        status="failed", error_code="INTERNAL", error_message=f"{SECRET} is broken"
    )
    return collections


def _answers(
    people: dict[str, User], room: Room, question: Message, collections: dict[str, Collection]
) -> tuple[dict[str, Answer], dict[str, Message]]:
    bot, chunk = people["parley"], Chunk.objects.get(document__collection=collections["private"])
    drafts = Chunk.objects.get(document__collection=collections["own"])
    citation = {
        "number": 1,
        "documentId": str(chunk.document_id),
        "documentTitle": f"{SECRET} handbook",
        "page": 1,
        "heading": f"{SECRET} heading",
        "quote": SECRET,
        "url": f"/documents/{chunk.document_id}/",
    }
    states = {
        "finished": AnswerDraft(f"It is {SECRET} [1].", "final", (citation,)),
        "failed": AnswerDraft("", "failed", error=("UNAVAILABLE", f"{SECRET} broke")),
        "running": AnswerDraft(f"The {SECRET} is", "streaming"),
    }
    answers = {}
    for name, state in states.items():
        asked = question
        if name != "finished":
            asked = actions.post_message(people["ann"], room_id=room.pk, text=f"which {SECRET} {name}?")
        with transaction.atomic(durable=True):
            draft = begin_draft(asked, bot)
            change_draft(draft.pk, state)
            answer = Answer(
                question=asked, message=draft, assistant=bot, asked_by=people["ann"], cost=Decimal(1)
            )
            answer.finished_at = None if name == "running" else timezone.now()
            answer.save()
            answers[name] = answer
    AnswerAttempt.objects.create(answer=answers["finished"], number=1)
    prices = {f"{kind}_price": 0 for kind in ("input", "output", "cache_write", "cache_read")}
    spent = {"answer": answers["finished"], "user": people["ann"], "input_tokens": 7, "cost": Decimal(1)}
    ModelCall.objects.create(
        purpose="answer", outcome="complete", model="m", begun_at=timezone.now(), **prices, **spent
    )
    for rank, one in enumerate((chunk, drafts), 1):
        values = {"answer": answers["finished"], "chunk": one, "rank": rank, "score": 1.0 / rank}
        AnswerPassage.objects.create(**values, text_sha256="0" * 64)
    return answers, {f"answer, {name}": answer.message for name, answer in answers.items()}


def _attachments(owner: User, message: Message) -> Ids:
    def attach(name: str, posted_with: Message | None) -> Attachment:
        values = {"filename": f"{SECRET}.txt", "media_type": "text/plain", "size_bytes": 5, "file": name}
        return Attachment.objects.create(owner=owner, room_id=message.room_id, message=posted_with, **values)

    posted = attach("attachments/posted", message)
    wire = {
        "id": str(posted.pk),
        "filename": posted.filename,
        "mediaType": posted.media_type,
        "sizeBytes": posted.size_bytes,
        "url": f"/attachments/{posted.pk}/",
    }
    Message.objects.filter(pk=message.pk).update(attachments=[wire])
    return {"posted": str(posted.pk), "not posted": str(attach("attachments/waiting", None).pk)}


def _own(person: User) -> Ids:
    """A room, message, collection and document of the person's own, as far as the account may have them."""
    own = {"user": str(person.pk)}
    if person.is_guest:
        return own
    room = actions.create_room(person, name=f"room of {person.username}", kind="private")
    message = actions.post_message(person, room_id=room.pk, text="mine")
    collection = create_collection(person, name=f"collection of {person.username}")
    document = add_text(person, collection_id=collection.pk, source="own", title="own", text="Mine alone.")
    return own | {
        "room": str(room.pk),
        "message": str(message.pk),
        "collection": str(collection.pk),
        "document": str(document.pk),
    }


def _end_access(people: dict[str, User], rooms: dict[str, Room]) -> None:
    """rob is removed from everything; cleo stays a member of everything, but the account is closed."""
    for name in ("private", "archived"):
        Membership.objects.filter(room=rooms[name], user=people["rob"]).delete()
    User.objects.filter(pk=people["cleo"].pk).update(is_active=False)
