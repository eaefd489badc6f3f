"""Rooms and their members."""

from typing import Any

import graphene
from graphene_django import DjangoObjectType
from graphql import GraphQLResolveInfo

from chat.models import Membership, Message, Room, User
from gql.connections import (
    MAX_LIMIT,
    Key,
    Page,
    PageRequest,
    connection_type,
    cut_page,
    page_arguments,
    parse_page,
)
from gql.context import context_of
from gql.dataloaders import (
    MemberCountByRoom,
    MembersByRoom,
    MessageCountByRoom,
    MessagesByRoom,
    NewsByRoom,
    UserById,
)
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
    async def resolve_user(membership: Membership, info: GraphQLResolveInfo) -> User | None:
        return await context_of(info).load(UserById, membership.user_id)


MembershipConnection = connection_type("Membership", MembershipType)


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

    @staticmethod
    async def resolve_unread_count(room: Room, info: GraphQLResolveInfo) -> int:
        return int((await context_of(info).load(NewsByRoom, room.pk))[0])

    @staticmethod
    async def resolve_mention_count(room: Room, info: GraphQLResolveInfo) -> int:
        return int((await context_of(info).load(NewsByRoom, room.pk))[1])

    @staticmethod
    async def resolve_members(room: Room, info: GraphQLResolveInfo, **arguments: Any) -> Page[Membership]:
        page = parse_page((str,), **arguments)
        return await _page(info, room, page, MembersByRoom, MemberCountByRoom, _member_key)

    @staticmethod
    async def resolve_messages(room: Room, info: GraphQLResolveInfo, **arguments: Any) -> Page[Message]:
        page = parse_page((int,), **arguments)
        return await _page(info, room, page, MessagesByRoom, MessageCountByRoom, _message_key)


async def _page(
    info: GraphQLResolveInfo, room: Room, page: PageRequest, rows: Any, counts: Any, key: Any
) -> Page[Any]:
    context = context_of(info)
    found = await context.load(rows, room.pk, page=page)
    return cut_page(found, page, key=key, count=lambda: context.load(counts, room.pk))


def _member_key(membership: Any) -> Key:
    return (membership.username,)


def _message_key(message: Message) -> Key:
    return (message.posted_version,)


RoomConnection = connection_type("Room", RoomType)
