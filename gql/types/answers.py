"""Answers of an assistant."""

import graphene
from graphene_django import DjangoObjectType
from graphql import GraphQLResolveInfo

from chat.models import Message, User
from gql.context import context_of
from gql.loading.batching import batched
from gql.loading.dataloaders import MessageById, PassagesByAnswer, PromptVersionById, UserById
from gql.types.documents import PassageType
from gql.types.enums import MessageStatus
from gql.types.messages import MessageType
from gql.types.people import UserType
from rag.models import Answer
from rag.retrieval.passages import Passage


class AnswerType(DjangoObjectType):
    """An answer and what it rests on; its words are in `message`."""

    id = graphene.ID(required=True, description="Opaque, and the same on every transport.")
    status = MessageStatus(required=True, description="How far it is; that of `message`.")
    question = graphene.Field(MessageType, required=True, description="The message that asked.")
    message = graphene.Field(MessageType, required=True, description="The message that holds its words.")
    assistant = graphene.Field(UserType, required=True, description="The bot that was asked.")
    prompt_version = graphene.Int(
        description="Version of the instructions it was written by; null before it began."
    )
    passages = graphene.List(
        graphene.NonNull(PassageType),
        required=True,
        description="Served to the model, of those you may read; best first.",
    )
    model = graphene.String(required=True, description="The model of its last attempt; empty before that.")
    input_tokens = graphene.Int(
        required=True, description="Read by the model in all attempts, those of its cache too."
    )
    output_tokens = graphene.Int(required=True, description="Written by the model in all attempts.")
    cost = graphene.Decimal(required=True, description="USD, all attempts together.")
    created_at = graphene.DateTime(required=True, description="When it was asked for.")
    finished_at = graphene.DateTime(description="When it became final, failed or stopped; null until then.")

    class Meta:
        model = Answer
        name = "Answer"
        fields = ()

    @staticmethod
    @batched
    async def resolve_status(answers: list[Answer], info: GraphQLResolveInfo) -> list[str | None]:
        messages = await context_of(info).load_each(MessageById, [answer.message_id for answer in answers])
        return [message.status if message else None for message in messages]

    @staticmethod
    @batched
    async def resolve_question(answers: list[Answer], info: GraphQLResolveInfo) -> list[Message | None]:
        return await context_of(info).load_each(MessageById, [answer.question_id for answer in answers])

    @staticmethod
    @batched
    async def resolve_message(answers: list[Answer], info: GraphQLResolveInfo) -> list[Message | None]:
        return await context_of(info).load_each(MessageById, [answer.message_id for answer in answers])

    @staticmethod
    @batched
    async def resolve_assistant(answers: list[Answer], info: GraphQLResolveInfo) -> list[User | None]:
        return await context_of(info).load_each(UserById, [answer.assistant_id for answer in answers])

    @staticmethod
    @batched
    async def resolve_prompt_version(answers: list[Answer], info: GraphQLResolveInfo) -> list[int | None]:
        return await context_of(info).load_each(PromptVersionById, [answer.prompt_id for answer in answers])

    @staticmethod
    @batched
    async def resolve_passages(answers: list[Answer], info: GraphQLResolveInfo) -> list[list[Passage]]:
        return await context_of(info).load_each(PassagesByAnswer, [answer.pk for answer in answers])
