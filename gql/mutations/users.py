"""Accounts."""

from typing import Any

import graphene
from graphql import GraphQLResolveInfo

from chat import actions
from chat.models import User
from gql.context import act
from gql.types.people import UserType


class CreateUserInput(graphene.InputObjectType):
    username = graphene.String(required=True)
    password = graphene.String(required=True)
    email = graphene.String()
    display_name = graphene.String()


class UserMutations:
    create_user = graphene.NonNull(
        UserType, input=CreateUserInput(required=True), description="A new account, by an admin."
    )

    @staticmethod
    async def resolve_create_user(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> User:
        return await act(
            info,
            actions.create_user,
            username=input["username"],
            password=input["password"],
            email=input.get("email") or "",
            display_name=input.get("display_name") or "",
        )
