"""Accounts."""

from typing import Any

import graphene
from graphql import GraphQLResolveInfo

from chat import actions
from chat.models import User
from gql.context import act
from gql.types.people import UserType


class CreateUserInput(graphene.InputObjectType):
    """A new account."""

    username = graphene.String(
        required=True, description="Letters, digits and @ . + - _; unique, whatever the case of its letters."
    )
    password = graphene.String(required=True, description="Checked by the installation's password rules.")
    email = graphene.String(description="Seen by the user and by admins only.")
    display_name = graphene.String(description="The name others see; the user name if empty.")


class UserMutations:
    create_user = graphene.NonNull(
        UserType,
        input=CreateUserInput(required=True, description="The account."),
        description="A new account, by an admin.",
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
