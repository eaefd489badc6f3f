"""Rooms and messages."""

from typing import Any

import graphene
from graphql import GraphQLResolveInfo

from chat.database import run_in_db
from chat.models import Message, Room
from chat.open_rooms import OpenRoom
from chat.selectors import access_message, access_room
from gql.context import require_user
from gql.lists.connections import Page, page_arguments
from gql.lists.listings import read_rooms
from gql.types.messages import MessageType
from gql.types.rooms import RoomConnection, RoomType


class RoomQueries:
    room = graphene.Field(
        RoomType,
        id=graphene.ID(required=True, description="A room you may read."),
        description="One room, archived or not.",
    )
    rooms = graphene.Field(
        RoomConnection,
        required=True,
        **page_arguments(),
        description="Rooms you are in, then public ones; each by name. Archived rooms are left out.",
    )
    message = graphene.Field(
        MessageType,
        id=graphene.ID(required=True, description="A message of a room you may read."),
        description="One message.",
    )

    @staticmethod
    async def resolve_room(root: None, info: GraphQLResolveInfo, id: str) -> Room:
        return await run_in_db(access_room, require_user(info), id)

    @staticmethod
    async def resolve_rooms(root: None, info: GraphQLResolveInfo, **arguments: Any) -> Page[OpenRoom]:
        return await read_rooms(require_user(info), **arguments)

    @staticmethod
    async def resolve_message(root: None, info: GraphQLResolveInfo, id: str) -> Message:
        return await run_in_db(access_message, require_user(info), id)
