"""Users."""

from datetime import datetime
from typing import Any

import graphene
from graphene_django import DjangoObjectType
from graphql import GraphQLResolveInfo

from chat.models import User
from gql.compiled.type_checks import by_class
from gql.context import context_of
from gql.lists.connections import connection_type
from gql.loading.batching import batched
from gql.loading.dataloaders import PresenceByUser, UserById
from gql.loading.rows import PersonRow
from gql.types.enums import Presence

AnyPerson = User | PersonRow


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

    @classmethod
    @by_class
    def is_type_of(cls, root: Any, info: GraphQLResolveInfo) -> bool:
        return isinstance(root, PersonRow) or super().is_type_of(root, info)

    @staticmethod
    @batched
    def resolve_display_name(people: list[AnyPerson], info: GraphQLResolveInfo) -> list[str]:
        return [person.display_name or person.username for person in people]

    @staticmethod
    @batched
    async def resolve_presence(people: list[AnyPerson], info: GraphQLResolveInfo) -> list[str]:
        return await context_of(info).load_each(PresenceByUser, [person.pk for person in people])

    @staticmethod
    @batched
    async def resolve_email(people: list[AnyPerson], info: GraphQLResolveInfo) -> list[str | None]:
        viewer = context_of(info).user
        if viewer is None:
            return [None] * len(people)
        return [
            person.email or None if viewer.is_superuser or viewer.pk == person.pk else None
            for person in await _whole(people, info)
        ]

    @staticmethod
    @batched
    async def resolve_last_seen_at(
        people: list[AnyPerson], info: GraphQLResolveInfo
    ) -> list[datetime | None]:
        return [person.last_seen_at for person in await _whole(people, info)]


async def _whole(people: list[AnyPerson], info: GraphQLResolveInfo) -> list[AnyPerson]:
    """The people with every column: an event's author has only those of the event."""
    partly = [
        person.pk if isinstance(person, User) and person.get_deferred_fields() else None for person in people
    ]
    loaded = await context_of(info).load_each(UserById, partly)
    return [whole or person for person, whole in zip(people, loaded, strict=True)]


UserConnection = connection_type("User", UserType)
