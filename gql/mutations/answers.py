"""Questions to an assistant."""

from typing import Any

import graphene
from graphql import GraphQLResolveInfo

from gql.context import act, charge
from gql.protection.declared import costs
from gql.types.answers import AnswerType
from rag import actions
from rag.actions.ratings import REASON_MAX_CHARACTERS
from rag.models import Answer


class AskInput(graphene.InputObjectType):
    """A question to an assistant."""

    room_id = graphene.ID(required=True, description="A room you are a member of; the answer appears there.")
    question = graphene.String(required=True, description="The question, without the assistant's name.")
    client_id = graphene.String(
        description="Your own id of the question: asking again gives the same answer."
    )
    assistant = graphene.String(default_value="parley", description="A user name.")


class AnswerMutations:
    ask = costs(
        graphene.NonNull(
            AnswerType,
            input=AskInput(required=True, description="The question and where it is asked."),
            description="Posts the question as you. Returns at once, status STREAMING; follow it with `answerStream`.",
        ),
        complexity=2000,
    )
    stop_answer = graphene.NonNull(
        AnswerType,
        answer_id=graphene.ID(required=True, description="One you asked for, or of a room you moderate."),
        description="End a running answer with what is there; a finished one stays as it is.",
    )
    regenerate_answer = costs(
        graphene.NonNull(
            AnswerType,
            answer_id=graphene.ID(required=True, description="One you asked for, or of a room you moderate."),
            description="Write a finished answer anew, in its place.",
        ),
        complexity=2000,
    )

    rate_answer = graphene.NonNull(
        AnswerType,
        answer_id=graphene.ID(required=True, description="A finished answer in a room you may read."),
        helpful=graphene.Boolean(required=True, description="Whether it helped."),
        reason=graphene.String(
            description=f"Why, at most {REASON_MAX_CHARACTERS} characters; left out, none is kept."
        ),
        description="Say what you think of an answer. It replaces what you said of it before; admins read it.",
    )

    @staticmethod
    async def resolve_ask(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> Answer:
        values = {name: input.get(name) for name in ("room_id", "question", "client_id")}
        return await act(info, actions.ask, **values, assistant=input.get("assistant") or "parley")

    @staticmethod
    async def resolve_stop_answer(root: None, info: GraphQLResolveInfo, answer_id: str) -> Answer:
        charge(info, "changes")
        return await act(info, actions.stop_answer, answer_id=answer_id)

    @staticmethod
    async def resolve_regenerate_answer(root: None, info: GraphQLResolveInfo, answer_id: str) -> Answer:
        return await act(info, actions.regenerate_answer, answer_id=answer_id)

    @staticmethod
    async def resolve_rate_answer(
        root: None, info: GraphQLResolveInfo, answer_id: str, helpful: bool, reason: str | None = None
    ) -> Answer:
        charge(info, "changes")
        return await act(info, actions.rate_answer, answer_id=answer_id, helpful=helpful, reason=reason)
