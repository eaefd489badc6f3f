"""Rooms and memberships."""

from typing import Any

import graphene
from graphql import GraphQLResolveInfo

from chat import actions
from chat.models import Membership, Room, User
from chat.selectors import access_room
from gql.context import act
from gql.errors import bad_input
from gql.types.enums import RoomKind, RoomRole
from gql.types.rooms import MembershipType, RoomType


class CreateRoomInput(graphene.InputObjectType):
    name = graphene.String(required=True)
    kind = RoomKind(
        default_value=Room.Kind.PUBLIC, description="DIRECT: the conversation with the one member named."
    )
    topic = graphene.String()
    member_ids = graphene.List(graphene.NonNull(graphene.ID))


class UpdateRoomInput(graphene.InputObjectType):
    room_id = graphene.ID(required=True)
    name = graphene.String()
    topic = graphene.String()


class MemberInput(graphene.InputObjectType):
    room_id = graphene.ID(required=True)
    user_id = graphene.ID(required=True)
    role = RoomRole(default_value=Membership.Role.MEMBER)


def _mark_read(user: User, *, room_id: str, version: int) -> Room:
    actions.mark_read(user, room_id=room_id, version=version)
    return access_room(user, room_id)


def _only_member(member_ids: list[str]) -> str:
    if len(member_ids) != 1:
        raise bad_input("memberIds", "must name the one other person")
    return member_ids[0]


class RoomMutations:
    create_room = graphene.NonNull(RoomType, input=CreateRoomInput(required=True))
    update_room = graphene.NonNull(RoomType, input=UpdateRoomInput(required=True))
    archive_room = graphene.NonNull(RoomType, room_id=graphene.ID(required=True))
    join_room = graphene.NonNull(RoomType, room_id=graphene.ID(required=True))
    leave_room = graphene.NonNull(
        graphene.Boolean, room_id=graphene.ID(required=True), description="False if you were no member."
    )
    add_member = graphene.NonNull(
        MembershipType,
        input=MemberInput(required=True),
        description="Who is a member already gets the role, unless it is MEMBER: see `changeRole`.",
    )
    change_role = graphene.NonNull(
        MembershipType,
        room_id=graphene.ID(required=True),
        user_id=graphene.ID(required=True),
        role=RoomRole(required=True),
        description="Of a member. Only owners make owners and moderators, or change what these are.",
    )
    remove_member = graphene.NonNull(
        graphene.Boolean, room_id=graphene.ID(required=True), user_id=graphene.ID(required=True)
    )
    mark_read = graphene.NonNull(
        RoomType, room_id=graphene.ID(required=True), version=graphene.Int(required=True)
    )

    @staticmethod
    async def resolve_create_room(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> Room:
        if input.get("kind") == Room.Kind.DIRECT:
            return await act(
                info, actions.open_direct_room, other_id=_only_member(input.get("member_ids") or [])
            )
        return await act(
            info,
            actions.create_room,
            name=input["name"],
            kind=input.get("kind") or Room.Kind.PUBLIC,
            topic=input.get("topic") or "",
            member_ids=input.get("member_ids") or (),
        )

    @staticmethod
    async def resolve_update_room(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> Room:
        return await act(info, actions.update_room, **input)

    @staticmethod
    async def resolve_archive_room(root: None, info: GraphQLResolveInfo, room_id: str) -> Room:
        return await act(info, actions.archive_room, room_id=room_id)

    @staticmethod
    async def resolve_join_room(root: None, info: GraphQLResolveInfo, room_id: str) -> Room:
        return await act(info, actions.join_room, room_id=room_id)

    @staticmethod
    async def resolve_leave_room(root: None, info: GraphQLResolveInfo, room_id: str) -> bool:
        return await act(info, actions.leave_room, room_id=room_id)

    @staticmethod
    async def resolve_add_member(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> Membership:
        values = {"room_id": input["room_id"], "user_id": input["user_id"]}
        return await act(info, actions.add_member, **values, role=input.get("role") or Membership.Role.MEMBER)

    @staticmethod
    async def resolve_change_role(
        root: None, info: GraphQLResolveInfo, room_id: str, user_id: str, role: str
    ) -> Membership:
        return await act(info, actions.change_role, room_id=room_id, user_id=user_id, role=role)

    @staticmethod
    async def resolve_remove_member(root: None, info: GraphQLResolveInfo, room_id: str, user_id: str) -> bool:
        return await act(info, actions.remove_member, room_id=room_id, user_id=user_id)

    @staticmethod
    async def resolve_mark_read(root: None, info: GraphQLResolveInfo, room_id: str, version: int) -> Room:
        return await act(info, _mark_read, room_id=room_id, version=version)
