"""Rooms and memberships."""

from typing import Any

import graphene
from graphql import GraphQLResolveInfo

from chat import actions
from chat.errors import bad_input
from chat.models import Membership, Room, User
from chat.selectors import access_room
from gql.context import act
from gql.types.enums import RoomKind, RoomRole
from gql.types.rooms import MembershipType, RoomType


class CreateRoomInput(graphene.InputObjectType):
    """A new room; you become its owner."""

    name = graphene.String(required=True, description="Up to 80 characters; ignored for DIRECT.")
    kind = RoomKind(
        default_value=Room.Kind.PUBLIC, description="DIRECT: the conversation with the one member named."
    )
    topic = graphene.String(description="What the room is about.")
    member_ids = graphene.List(
        graphene.NonNull(graphene.ID), description="Users to add at once, besides you."
    )


class UpdateRoomInput(graphene.InputObjectType):
    """What is to change in a room; what is left out stays."""

    room_id = graphene.ID(required=True, description="A room you manage.")
    name = graphene.String(description="The new name.")
    topic = graphene.String(description="The new topic.")


class MemberInput(graphene.InputObjectType):
    """Who becomes a member of which room."""

    room_id = graphene.ID(required=True, description="A room you may add members to.")
    user_id = graphene.ID(required=True, description="The user to add.")
    role = RoomRole(default_value=Membership.Role.MEMBER, description="What he or she may do there.")


def _mark_read(user: User, *, room_id: str, version: int) -> Room:
    actions.mark_read(user, room_id=room_id, version=version)
    return access_room(user, room_id)


def _only_member(member_ids: list[str]) -> str:
    if len(member_ids) != 1:
        raise bad_input("memberIds", "must name the one other person")
    return member_ids[0]


def _room_id(description: str) -> graphene.ID:
    return graphene.ID(required=True, description=description)


class RoomMutations:
    create_room = graphene.NonNull(
        RoomType,
        input=CreateRoomInput(required=True, description="The room."),
        description="A new room, or for DIRECT the one conversation with that person, new or not.",
    )
    update_room = graphene.NonNull(
        RoomType,
        input=UpdateRoomInput(required=True, description="The changes."),
        description="Change a room's name or topic, as an owner or moderator.",
    )
    archive_room = graphene.NonNull(
        RoomType,
        room_id=_room_id("A room you manage."),
        description="Close a room, as who manages it: nobody posts there and lists leave it out; it can be read.",
    )
    join_room = graphene.NonNull(
        RoomType, room_id=_room_id("A public room."), description="Become a member; again changes nothing."
    )
    leave_room = graphene.NonNull(
        graphene.Boolean,
        room_id=_room_id("A room you may read."),
        description="Give your membership back. False if you were no member.",
    )
    add_member = graphene.NonNull(
        MembershipType,
        input=MemberInput(required=True, description="Who, where and as what."),
        description="Who is a member already gets the role, unless it is MEMBER: see `changeRole`.",
    )
    change_role = graphene.NonNull(
        MembershipType,
        room_id=_room_id("A room you manage."),
        user_id=graphene.ID(required=True, description="A member of it."),
        role=RoomRole(required=True, description="The new role."),
        description="Of a member. Only owners make owners and moderators, or change what these are.",
    )
    remove_member = graphene.NonNull(
        graphene.Boolean,
        room_id=_room_id("A room you manage."),
        user_id=graphene.ID(required=True, description="A member of it."),
        description="Take a membership away. False if the user was no member.",
    )
    mark_read = graphene.NonNull(
        RoomType,
        room_id=_room_id("A room you are a member of."),
        version=graphene.Int(
            required=True, description="The highest `version` you saw; a lower one changes nothing."
        ),
        description="Tell how far you have read.",
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
