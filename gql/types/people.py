"""Users."""

from datetime import datetime

import graphene
from graphene_django import DjangoObjectType
from graphql import GraphQLResolveInfo

from chat.models import User
from gql.connections import connection_type
from gql.context import context_of
from gql.dataloaders import PresenceByUser, UserById
from gql.types.enums import Presence


class UserType(DjangoObjectType):
    """A person or a bot."""

    id = graphene.ID(required=True, description="Opaque, and the same on every transport.")
    username = graphene.String(required=True, description="Unique; what a mention names after @.")
    display_name = graphene.String(
        required=True, description="The name to show; the user name if none is set."
    )
    is_bot = graphene.Boolean(required=True, description="Whether a program answers under this name.")
    email = graphene.String(description="Seen by the user and by admins only.")
    last_seen_at = graphene.DateTime(
        description="When the last connection ended; null if never, or hidden from you."
    )
    presence = Presence(required=True, description="Whether he or she has a live connection anywhere.")

    class Meta:
        model = User
        name = "User"
        fields = ()

    @staticmethod
    def resolve_display_name(user: User, info: GraphQLResolveInfo) -> str:
        return user.display_name or user.username

    @staticmethod
    async def resolve_presence(user: User, info: GraphQLResolveInfo) -> str:
        return await context_of(info).load(PresenceByUser, user.pk)

    @staticmethod
    async def resolve_email(user: User, info: GraphQLResolveInfo) -> str | None:
        viewer = context_of(info).user
        if viewer is None or not (viewer.is_superuser or viewer.pk == user.pk):
            return None
        return (await _whole(user, info)).email or None

    @staticmethod
    async def resolve_last_seen_at(user: User, info: GraphQLResolveInfo) -> datetime | None:
        return (await _whole(user, info)).last_seen_at


async def _whole(user: User, info: GraphQLResolveInfo) -> User:
    """The user with every column: an event's author has only those of the event."""
    if not user.get_deferred_fields():
        return user
    loaded: User | None = await context_of(info).load(UserById, user.pk)
    return loaded or user


UserConnection = connection_type("User", UserType)
