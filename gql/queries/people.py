"""People."""

import graphene
from graphql import GraphQLResolveInfo

from chat.database import run_in_db
from chat.models import User
from chat.selectors import access_user, users_visible_to
from gql.context import context_of, require_user
from gql.lists.connections import FIRST, Page
from gql.lists.listings import PEOPLE, read_page
from gql.types.people import UserConnection, UserType


class PeopleQueries:
    me = graphene.Field(UserType, description="You; null when nobody is signed in.")
    user = graphene.Field(
        UserType,
        id=graphene.ID(required=True, description="A user you can see."),
        description="One person or bot.",
    )
    users = graphene.Field(
        UserConnection,
        required=True,
        limit=graphene.Int(description=FIRST),
        cursor=graphene.String(description="The `endCursor` of the page before."),
        description="Active people and bots by user name; for guests, those they share a room with and bots.",
    )

    @staticmethod
    def resolve_me(root: None, info: GraphQLResolveInfo) -> User | None:
        return context_of(info).user

    @staticmethod
    async def resolve_user(root: None, info: GraphQLResolveInfo, id: str) -> User:
        return await run_in_db(access_user, require_user(info), id)

    @staticmethod
    async def resolve_users(
        root: None, info: GraphQLResolveInfo, limit: int | None = None, cursor: str | None = None
    ) -> Page[User]:
        return await read_page(
            users_visible_to,
            require_user(info),
            order=PEOPLE,
            names=("limit", "cursor"),
            first=limit,
            after=cursor,
        )
