"""Messages."""

from typing import Any

import graphene
from graphene_django import DjangoObjectType
from graphql import GraphQLResolveInfo

from chat.models import Message, Room, User
from chat.reactions import is_own
from gql.connections import connection_type
from gql.context import Context, context_of
from gql.dataloaders import (
    AnswerByMessage,
    AuthorById,
    OwnReactionsByMessage,
    ReplyCountByMessage,
    RoomById,
)
from gql.types.enums import MessageKind, MessageStatus
from gql.types.people import UserType
from gql.types.rooms import RoomType
from rag.models import Answer


class ProblemDetail(graphene.ObjectType):
    """Why something failed: a code for programs and a sentence for people."""

    code = graphene.String(required=True)
    message = graphene.String(required=True)


class Citation(graphene.ObjectType):
    """A passage that an answer quotes, as it was when the answer was written. `url` opens it with the words marked."""

    number = graphene.Int(required=True)
    document_id = graphene.ID(required=True)
    document_title = graphene.String(required=True)
    page = graphene.Int()
    heading = graphene.String(required=True)
    quote = graphene.String(required=True)
    url = graphene.String(required=True)


class ReactionCount(graphene.ObjectType):
    """How many users reacted with an emoji, and whether you did."""

    emoji = graphene.String(required=True)
    count = graphene.Int(required=True)
    mine = graphene.Boolean(required=True)
    user_ids = graphene.List(
        graphene.NonNull(graphene.ID), required=True, description="Who reacted, the first hundred of them."
    )


class Attachment(graphene.ObjectType):
    """A file that hangs on a message."""

    id = graphene.ID(required=True)
    filename = graphene.String(required=True)
    media_type = graphene.String(required=True)
    size_bytes = graphene.Int(required=True)
    url = graphene.String(required=True)


def problem_of(code: str, message: str) -> ProblemDetail | None:
    """The problem in a row's error columns; None while there is none."""
    return ProblemDetail(code=code, message=message) if code else None


async def _is_own(message: Message, counted: dict[str, Any], context: Context) -> bool:
    if context.user is None:
        return False
    known = is_own(counted, context.user)
    if known is not None:
        return known
    return counted["emoji"] in await context.load(OwnReactionsByMessage, message.pk)


class MessageType(DjangoObjectType):
    """A message in a room. `version` rises with each change of it."""

    room = graphene.Field(RoomType, required=True)
    room_id = graphene.ID(required=True)
    version = graphene.Int(required=True)
    kind = MessageKind(required=True)
    author = graphene.Field(UserType, required=True)
    text = graphene.String(required=True)
    html = graphene.String(required=True, description="The text, rendered and sanitised.")
    status = MessageStatus(required=True)
    error = graphene.Field(ProblemDetail)
    citations = graphene.List(graphene.NonNull(Citation), required=True)
    reactions = graphene.List(graphene.NonNull(ReactionCount), required=True)
    parent_id = graphene.ID()
    reply_count = graphene.Int(required=True)
    attachments = graphene.List(graphene.NonNull(Attachment), required=True)
    client_id = graphene.String()
    delta_index = graphene.Int(
        required=True, description="How many deltas the text of a streaming answer contains."
    )
    answer = graphene.Field("gql.types.answers.AnswerType")

    class Meta:
        model = Message
        name = "Message"
        fields = ("id", "created_at", "edited_at", "deleted_at")

    @staticmethod
    async def resolve_room(message: Message, info: GraphQLResolveInfo) -> Room | None:
        return await context_of(info).load(RoomById, message.room_id)

    @staticmethod
    async def resolve_author(message: Message, info: GraphQLResolveInfo) -> User | None:
        if "author" in message._state.fields_cache:
            return message.author
        return await context_of(info).load(AuthorById, message.author_id)

    @staticmethod
    def resolve_error(message: Message, info: GraphQLResolveInfo) -> ProblemDetail | None:
        return problem_of(message.error_code, message.error_message)

    @staticmethod
    def resolve_citations(message: Message, info: GraphQLResolveInfo) -> list[dict[str, Any]]:
        return [
            {
                "number": citation["number"],
                "document_id": citation["documentId"],
                "document_title": citation["documentTitle"],
                "page": citation.get("page"),
                "heading": citation.get("heading") or "",
                "quote": citation["quote"],
                "url": citation["url"],
            }
            for citation in message.citations
        ]

    @staticmethod
    async def resolve_reactions(message: Message, info: GraphQLResolveInfo) -> list[ReactionCount]:
        return [
            ReactionCount(
                emoji=counted["emoji"],
                count=counted["count"],
                mine=await _is_own(message, counted, context_of(info)),
                user_ids=counted["userIds"],
            )
            for counted in message.reactions
        ]

    @staticmethod
    def resolve_attachments(message: Message, info: GraphQLResolveInfo) -> list[Attachment]:
        return []

    @staticmethod
    async def resolve_reply_count(message: Message, info: GraphQLResolveInfo) -> int:
        return int(await context_of(info).load(ReplyCountByMessage, message.pk))

    @staticmethod
    async def resolve_answer(message: Message, info: GraphQLResolveInfo) -> Answer | None:
        if message.kind != Message.Kind.ANSWER:
            return None
        return await context_of(info).load(AnswerByMessage, message.pk)


MessageConnection = connection_type("Message", MessageType)
