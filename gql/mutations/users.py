"""Accounts."""

from typing import Any

import graphene
from graphql import GraphQLResolveInfo

from chat import actions
from chat.database import run_in_db
from chat.limiting import limits
from chat.models import User
from gql.context import act, context_of
from gql.protection.declared import costs
from gql.types.people import UserType


class CreateUserInput(graphene.InputObjectType):
    """A new account."""

    username = graphene.String(
        required=True, description="Letters, digits and @ . + - _; unique, whatever the case of its letters."
    )
    password = graphene.String(required=True, description="Checked by the installation's password rules.")
    email = graphene.String(description="Seen by the user and by admins only.")
    display_name = graphene.String(description="The name others see; the user name if empty.")
    invitation = graphene.String(
        description="The token of an invitation, the last part of its link. Whoever has one need not be signed in."
    )


class UserMutations:
    create_user = costs(
        graphene.NonNull(
            UserType,
            input=CreateUserInput(required=True, description="The account."),
            description="A new account, by an admin or with an invitation that can be used.",
        ),
        complexity=15_000,
    )

    @staticmethod
    async def resolve_create_user(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> User:
        values = {
            "username": input["username"],
            "password": input["password"],
            "email": input.get("email") or "",
            "display_name": input.get("display_name") or "",
        }
        token = input.get("invitation")
        if token is None:
            return await act(info, actions.create_user, **values)
        context = context_of(info)
        limits.check("signups", address=context.address)
        try:
            return await run_in_db(actions.accept_invitation, token=token, **values)
        finally:
            context.forget_loaded()
