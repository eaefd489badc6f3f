"""Random people, rooms and sharings that change at random: every search is compared with a naive oracle.

Each passage has the word that is searched for and the vector of the question, so that a search finds all it may read
and a passage too many is a leak. Three worlds of 12 states with 17 audiences: 612 searches, 14 thousand decisions about
a document and an audience.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps

from rag.actions import delete_document
from rag.ingestion import flow
from rag.models import Collection, CollectionShare, Document
from rag.retrieval import statement
from rag.retrieval.filters import EVERYTHING, SearchFilters
from rag.retrieval.search import Audience, search
from rag.selectors import collections_readable_by, documents_open_to_room, documents_readable_by
from rag.tests.embedders import ScriptedEmbedder
from rag.tests.library import make_collection, make_room, make_user

User, Room, Membership = (apps.get_model("chat", name) for name in ("User", "Room", "Membership"))
STATES = 12
KINDS = ("public", "private", "private", "direct")
EMBEDDER = ScriptedEmbedder({"zircon": (1, 0, 0)})

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Facts:
    """The tables as they are, for the oracle: it knows the rule in words (docs/documents.md) and no SQL."""

    users: dict[int, Any]
    rooms: dict[int, Any]
    members: set[tuple[int, int]]  # (room, user)
    shares: set[tuple[int, int]]  # (collection, room), the rooms of a room's own files among them
    collections: dict[int, Collection]

    @classmethod
    def now(cls) -> "Facts":
        collections = Collection.objects.in_bulk()
        homes = {(pk, one.home_room_id) for pk, one in collections.items() if one.home_room_id}
        return cls(
            users=User.objects.in_bulk(),
            rooms=Room.objects.in_bulk(),
            members=set(Membership.objects.values_list("room_id", "user_id")),
            shares=set(CollectionShare.objects.values_list("collection_id", "room_id")) | homes,
            collections=collections,
        )

    def user_reads(self, user_id: int, collection_id: int) -> bool:
        user, collection = self.users[user_id], self.collections[collection_id]
        if not user.is_active:
            return False
        if collection.everyone or (collection.owner_id == user_id and collection.home_room_id is None):
            return True
        return any(
            (room_id, user_id) in self.members or (self.rooms[room_id].kind == "public" and not user.is_guest)
            for shared, room_id in self.shares
            if shared == collection_id
        )

    def room_reads(self, room_id: int, collection_id: int) -> bool:
        if self.collections[collection_id].everyone or (collection_id, room_id) in self.shares:
            return True
        readers = [
            user_id
            for member_of, user_id in self.members
            if member_of == room_id and self.users[user_id].is_active and not self.users[user_id].is_bot
        ]
        known_by_name = self.rooms[room_id].kind != "public"
        return (
            known_by_name
            and bool(readers)
            and all(self.user_reads(user_id, collection_id) for user_id in readers)
        )


class World:
    """Rows of a small installation, and the ways in which it changes."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        flags = [
            {},
            {},
            {},
            {},
            {"is_guest": True},
            {"is_guest": True},
            {"is_bot": True},
            {"is_superuser": True},
        ]
        self.users = [make_user(f"user{n}", **flag) for n, flag in enumerate(flags)]
        self.rooms = [
            make_room(f"room{n}", *self.dice.sample(self.users, self.dice.randint(1, 4)), kind=kind)
            for n, kind in enumerate(KINDS * 2 + ("direct",))
        ]
        for number in range(12):
            owner = self.dice.choice([user for user in self.users if not user.is_guest])
            collection = make_collection(owner, f"c{number}", f"zircon {number} one", f"zircon {number} two")
            if number % 4 == 0:
                collection.home_room = self.rooms[number // 4]
            collection.everyone = number == 1
            collection.save()
        self.stale: set[int] = set()
        for pk in Document.objects.values_list("pk", flat=True):
            flow.embed_document(pk, embedder=EMBEDDER)

    def change(self) -> None:
        for _ in range(4):
            self.dice.choice(
                [
                    self.move_member,
                    self.move_member,
                    self.move_share,
                    self.move_share,
                    self.turn,
                    self.change_document,
                ]
            )()

    def move_member(self) -> None:
        place = {"room": self.dice.choice(self.rooms), "user": self.dice.choice(self.users)}
        if not Membership.objects.filter(**place).delete()[0]:
            Membership.objects.create(**place, role="guest" if place["user"].is_guest else "member")

    def move_share(self) -> None:
        share = {
            "collection": self.dice.choice(list(Collection.objects.all())),
            "room": self.dice.choice(self.rooms),
        }
        if not CollectionShare.objects.filter(**share).delete()[0]:
            CollectionShare.objects.create(**share)

    def turn(self) -> None:
        """Somebody becomes a guest or none, leaves the company or comes back; a collection opens or closes."""
        row, flag = self.dice.choice(
            [
                (self.dice.choice(self.users), "is_guest"),
                (self.dice.choice(self.users), "is_active"),
                (self.dice.choice(list(Collection.objects.all())), "everyone"),
            ]
        )
        row.refresh_from_db()
        setattr(row, flag, not getattr(row, flag))
        row.save(update_fields=[flag])

    def change_document(self) -> None:
        """A document is deleted, fails, or is moved so that its index entries are of another collection."""
        document = self.dice.choice(list(Document.objects.all()))
        match self.dice.choice(("delete", "fail", "move")):
            case "delete":
                admin = self.users[-1]
                Document.objects.filter(pk=document.pk).update(uploaded_by=admin)
                if documents_readable_by(admin).filter(pk=document.pk).exists():
                    delete_document(admin, document_id=document.pk)
            case "fail":
                Document.objects.filter(pk=document.pk).update(status="failed", error_code="X")
            case "move":
                other = self.dice.choice(list(Collection.objects.exclude(pk=document.collection_id)))
                Document.objects.filter(pk=document.pk).update(collection=other)
                self.stale.add(document.pk)

    def filters(self, documents: dict[int, int]) -> SearchFilters:
        """None, or some collections, or some documents."""
        match self.dice.randrange(4):
            case 0:
                return SearchFilters(
                    collection_ids=tuple(self.dice.sample(sorted(set(documents.values())), 3))
                )
            case 1:
                return SearchFilters(
                    document_ids=tuple(self.dice.sample(sorted(documents), len(documents) // 2))
                )
        return EVERYTHING


def audiences(world: World, facts: Facts) -> Iterator[tuple[str, Audience, set[int]]]:
    """Each user and room, and the collections that the oracle lets it read."""
    for user in facts.users.values():
        readable = {pk for pk in facts.collections if facts.user_reads(user.pk, pk)}
        assert set(collections_readable_by(user).values_list("pk", flat=True)) == readable
        yield str(user), Audience.of_user(user), readable
    for room in world.rooms:
        readable = {pk for pk in facts.collections if facts.room_reads(room.pk, pk)}
        open_documents = Document.objects.filter(collection__in=readable)
        assert set(documents_open_to_room(room.pk)) == set(open_documents)
        yield room.name, Audience.of_room(room.pk), readable


def passes(filters: SearchFilters, document_id: int, collection_id: int) -> bool:
    if filters.document_ids is not None:
        return document_id in filters.document_ids
    return filters.collection_ids is None or collection_id in filters.collection_ids


@pytest.mark.parametrize(("seed", "exact_chunks"), [(1, 10_000), (2, 0), (3, 12)])
def test_a_search_finds_what_the_oracle_allows_and_nothing_else(monkeypatch, seed, exact_chunks):
    """Up to `exact_chunks` are scanned: all, none, or as many as depends on the audience."""
    for name in ("LEXICAL_EXACT_CHUNKS", "DENSE_EXACT_CHUNKS", "CHOSEN_EXACT_CHUNKS"):
        monkeypatch.setattr(statement, name, exact_chunks)
    world = World(seed)
    for state in range(STATES):
        documents = dict(Document.objects.exclude(status="failed").values_list("pk", "collection_id"))
        for name, audience, readable in audiences(world, Facts.now()):
            filters = world.filters(documents)
            passages = search(audience, "zircon", top_k=100, filters=filters, embedder=EMBEDDER)
            found = {passage.document_id for passage in passages}
            allowed = {
                pk for pk, owner in documents.items() if owner in readable and passes(filters, pk, owner)
            }
            case = (seed, state, name, filters)
            assert found <= allowed, ("a leak", case)
            assert found >= allowed - world.stale, ("not found", case)
        world.change()
