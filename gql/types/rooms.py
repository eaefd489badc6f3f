"""Rooms and their members."""

from functools import partial
from typing import Any

import graphene
from graphene_django import DjangoObjectType
from graphql import GraphQLResolveInfo

from chat.models import Membership, Room, User
from chat.open_rooms import OpenRoom
from gql.compiled.type_checks import by_class
from gql.context import context_of
from gql.lists.connections import (
    MAX_LIMIT,
    Key,
    Page,
    PageRequest,
    connection_type,
    cut_page,
    page_arguments,
    parse_page,
)
from gql.loading.batching import batched
from gql.loading.dataloaders import (
    MemberCountByRoom,
    MembersByRoom,
    MessageCountByRoom,
    NewsByRoom,
    UserById,
)
from gql.loading.row_loaders import AnyMessageRow, MessagesByRoom
from gql.loading.rows import LEAN_FIELDS
from gql.selected_names import names_below
from gql.types.enums import RoomKind, RoomRole
from gql.types.people import UserType


class MembershipType(DjangoObjectType):
    """A user's place in a room."""

    user = graphene.Field(UserType, required=True, description="The member.")
    role = RoomRole(required=True, description="What he or she may do there.")
    last_read_version = graphene.Int(
        required=True, description="The highest `Room.version` he or she has read."
    )
    joined_at = graphene.DateTime(required=True, description="Since when.")

    class Meta:
        model = Membership
        name = "Membership"
        fields = ()

    @staticmethod
    @batched
    async def resolve_user(memberships: list[Membership], info: GraphQLResolveInfo) -> list[User | None]:
        return await context_of(info).load_each(UserById, [one.user_id for one in memberships])


MembershipConnection = connection_type("Membership", MembershipType)


AnyRoom = Room | OpenRoom


class RoomType(DjangoObjectType):
    """A place for messages. `version` counts its durable changes."""

    id = graphene.ID(required=True, description="Opaque, and the same on every transport.")
    name = graphene.String(required=True, description="Unique among rooms that are not direct.")
    topic = graphene.String(required=True, description="What the room is about; may be empty.")
    kind = RoomKind(required=True, description="Who can find and read it.")
    version = graphene.Int(
        required=True, description="Rises with each durable change; see `messageAdded(since:)`."
    )
    archived_at = graphene.DateTime(description="When it was closed for posts; null while it is open.")
    unread_count = graphene.Int(
        required=True, description="Messages by others since you last read; 0 if not a member."
    )
    mention_count = graphene.Int(required=True, description="Those of the unread ones that mention you.")
    members = graphene.Field(
        MembershipConnection,
        required=True,
        **page_arguments(),
        description="Active members, by user name.",
    )
    messages = graphene.Field(
        "gql.types.messages.MessageConnection",
        required=True,
        **page_arguments(),
        last=graphene.Int(description=f"How many from the end, at most {MAX_LIMIT}; not with `first`."),
        before=graphene.String(description="A cursor of this list: what precedes it is given."),
        description="Oldest first; `last: 50` gives the newest page.",
    )

    class Meta:
        model = Room
        name = "Room"
        fields = ()

    @classmethod
    @by_class
    def is_type_of(cls, root: Any, info: GraphQLResolveInfo) -> bool:
        return isinstance(root, OpenRoom) or super().is_type_of(root, info)

    @staticmethod
    @batched
    async def resolve_unread_count(rooms: list[AnyRoom], info: GraphQLResolveInfo) -> list[int]:
        return [unread for unread, _ in await _news(rooms, info)]

    @staticmethod
    @batched
    async def resolve_mention_count(rooms: list[AnyRoom], info: GraphQLResolveInfo) -> list[int]:
        return [mentions for _, mentions in await _news(rooms, info)]

    @staticmethod
    @batched
    async def resolve_members(
        rooms: list[AnyRoom], info: GraphQLResolveInfo, **arguments: Any
    ) -> list[Page[Membership]]:
        page = parse_page((str,), **arguments)
        return await _pages(info, rooms, page, MembersByRoom, MemberCountByRoom, _member_key)

    @staticmethod
    @batched
    async def resolve_messages(
        rooms: list[AnyRoom], info: GraphQLResolveInfo, **arguments: Any
    ) -> list[Page[AnyMessageRow]]:
        page = parse_page((int,), **arguments)
        lean = names_below(info) <= LEAN_FIELDS
        return await _pages(info, rooms, page, MessagesByRoom, MessageCountByRoom, _message_key, lean=lean)


async def _news(rooms: list[AnyRoom], info: GraphQLResolveInfo) -> list[tuple[int, int]]:
    return await context_of(info).load_each(NewsByRoom, [room.pk for room in rooms])


async def _pages(
    info: GraphQLResolveInfo,
    rooms: list[AnyRoom],
    page: PageRequest,
    rows: Any,
    counts: Any,
    key: Any,
    **options: Any,
) -> list[Page[Any]]:
    context = context_of(info)
    found = await context.load_each(rows, [room.pk for room in rooms], page=page, **options)
    return [
        cut_page(some, page, key=key, count=partial(context.load, counts, room.pk))
        for room, some in zip(rooms, found, strict=True)
    ]


def _member_key(membership: Any) -> Key:
    return (membership.username,)


def _message_key(message: AnyMessageRow) -> Key:
    return (message.posted_version,)


RoomConnection = connection_type("Room", RoomType)
