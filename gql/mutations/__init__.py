"""Mutations: each parses its input, awaits one action and gives back the row it returns."""

import graphene

from gql.mutations.answers import AnswerMutations
from gql.mutations.documents import DocumentMutations
from gql.mutations.messages import MessageMutations
from gql.mutations.rooms import RoomMutations
from gql.mutations.users import UserMutations


class Mutation(
    UserMutations, RoomMutations, MessageMutations, DocumentMutations, AnswerMutations, graphene.ObjectType
):
    """What can be done. Fields run one after the other."""


__all__ = ["Mutation"]
