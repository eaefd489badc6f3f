"""People, rooms and documents for tests of what may be found by whom."""

import io

from django.apps import apps

from rag.actions import create_collection, upload_document
from rag.actions.texts import add_text
from rag.ingestion import flow
from rag.models import Collection, Document
from rag.tests.embedders import ScriptedEmbedder

User, Room, Membership = (apps.get_model("chat", name) for name in ("User", "Room", "Membership"))


def make_user(username: str, **fields):
    return User.objects.create_user(username, **fields)


def make_room(name: str, *members, kind: str = "private"):
    room = Room.objects.create(name=name, kind=kind)
    for member in members:
        role = "guest" if member.is_guest else "member"
        Membership.objects.create(room=room, user=member, role=role)
    return room


def make_collection(owner, name: str, *texts: str, **sharing) -> Collection:
    """A collection with a document of one passage per text."""
    collection = create_collection(owner, name=name, **sharing)
    for number, text in enumerate(texts):
        add_text(owner, collection_id=collection.pk, source=f"{name} {number}", title="", text=text)
    return collection


def upload(owner, collection: Collection, text: str, *, filename: str = "notes.txt", **names) -> Document:
    file = io.BytesIO(text.encode())
    return upload_document(owner, collection_id=collection.pk, file=file, filename=filename, **names)


def process(document: Document, embedder: ScriptedEmbedder | None = None) -> Document:
    """Do what the document's two jobs do."""
    flow.ingest_document(document.pk)
    flow.embed_document(document.pk, embedder=embedder or ScriptedEmbedder())
    document.refresh_from_db()
    return document
