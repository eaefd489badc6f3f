"""Making collections and sharing them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from chat.errors import BadInput, Conflict, Forbidden, NotFound
from chat.selectors import access_room
from chat.text import NAME_MAX_CHARACTERS, check_name, clean_text
from rag.models import Collection, CollectionShare
from rag.selectors import access_collection

if TYPE_CHECKING:
    from chat.models import Room, User

DESCRIPTION_MAX_CHARACTERS = 500


def create_collection(
    user: "User", *, name: str, description: str = "", room_ids: Iterable[object] = (), everyone: bool = False
) -> Collection:
    """A collection of the user's own, shared with the given rooms or everyone; private to the user without either.

    Raises:
        Forbidden: a guest.
        NotFound: a room the user may not read. BadInput: the name or description. Conflict: the user has one with
        that name.
    """
    if user.is_guest:
        raise Forbidden("Guests cannot create collections.")
    name = check_name(name)
    description = clean_text(description)
    if len(description) > DESCRIPTION_MAX_CHARACTERS:
        limit = f"must have at most {DESCRIPTION_MAX_CHARACTERS} characters"
        raise BadInput("That description is too long.", fields={"description": limit})
    try:
        with transaction.atomic(durable=True):
            rooms = [access_room(user, room_id) for room_id in room_ids]
            collection = Collection.objects.create(
                name=name, description=description, owner=user, everyone=everyone
            )
            _share(collection, rooms)
    except IntegrityError:
        raise Conflict("You have a collection with that name already.", fields={"name": "is taken"}) from None
    return collection


def share_collection(
    user: "User", *, collection_id: object, room_ids: Iterable[object] = (), everyone: bool | None = None
) -> Collection:
    """Share a collection with exactly these rooms; with everyone or not (None: as it is).

    Shares with rooms that the user may not read stay as they are: nobody takes away what he or she cannot see.

    Raises:
        NotFound: the collection or a room. Forbidden: neither owner nor administrator; a room's own files.
    """
    with transaction.atomic(durable=True):
        collection = access_collection(user, collection_id)
        if collection.home_room_id is not None:
            raise Forbidden(
                "The files of a room belong to the room. Make a collection to share documents elsewhere."
            )
        if collection.owner_id != user.pk and not user.is_superuser:
            raise Forbidden("Only its owner or an administrator can share a collection.")
        rooms = [access_room(user, room_id) for room_id in room_ids]
        collection = Collection.objects.select_for_update().get(pk=collection.pk)
        if everyone is not None and everyone != collection.everyone:
            collection.everyone = everyone
            collection.save(update_fields=["everyone"])
        for share in CollectionShare.objects.filter(collection=collection).exclude(room__in=rooms):
            if _may_read_room(user, share.room_id):
                share.delete()
        _share(collection, rooms)
    return collection


def room_files(user: "User", *, room_id: object) -> Collection:
    """The room's own collection, made where there is none: readable by the room, writable by its members.

    Raises:
        NotFound: the room is not open to the user. Forbidden: a guest, or not a member.
    """
    with transaction.atomic(durable=True):
        room = access_room(user, room_id, lock=True)
        membership = room.memberships.filter(user=user).first()
        if membership is None or user.is_guest or membership.role == "guest":
            raise Forbidden("Only members of the room can add files to it. Guests cannot.")
        collection = Collection.objects.filter(home_room=room).first()
        if collection is None:
            # The id keeps the name unique for its owner, whatever rooms are called later.
            name = f"Files of {room.name}"[: NAME_MAX_CHARACTERS - 12] + f" ({room.pk})"
            collection = Collection.objects.create(
                name=name, description="What was uploaded in the room.", owner=user, home_room=room
            )
    return collection


def _share(collection: Collection, rooms: "Iterable[Room]") -> None:
    CollectionShare.objects.bulk_create(
        [CollectionShare(collection=collection, room=room) for room in rooms], ignore_conflicts=True
    )


def _may_read_room(user: "User", room_id: int) -> bool:
    try:
        access_room(user, room_id)
    except NotFound:
        return False
    return True
