"""Messages."""

from typing import Any

import graphene
from graphene_django import DjangoObjectType
from graphql import GraphQLResolveInfo

from chat.models import Message, Room, User
from chat.reactions import is_own
from gql.compiled.type_checks import by_class
from gql.context import Context, context_of
from gql.lists.connections import connection_type
from gql.loading.batching import batched
from gql.loading.dataloaders import (
    AnswerByMessage,
    OwnReactionsByMessage,
    ReplyCountByMessage,
    RoomById,
)
from gql.loading.row_loaders import AnyMessageRow, AuthorById
from gql.loading.rows import LeanMessageRow, MessageRow, PersonRow
from gql.types.enums import MessageKind, MessageStatus
from gql.types.people import UserType
from gql.types.rooms import RoomType
from rag.models import Answer


class ProblemDetail(graphene.ObjectType):
    """Why something failed: a code for programs and a sentence for people."""

    code = graphene.String(required=True, description="Stable; docs/protocols.md lists them.")
    message = graphene.String(required=True, description="A sentence for the person who reads it.")


class Citation(graphene.ObjectType):
    """A passage that an answer quotes, as it was when the answer was written. `url` opens it with the words marked."""

    number = graphene.Int(required=True, description="As it stands in the text, [1] and on.")
    document_id = graphene.ID(
        required=True, description="The document; it may be gone, or closed to you, by now."
    )
    document_title = graphene.String(required=True, description="Its title when the answer was written.")
    page = graphene.Int(description="From 1; null for formats without pages.")
    heading = graphene.String(
        required=True, description='Headings above the passage, joined by " › "; may be empty.'
    )
    quote = graphene.String(
        required=True, description="The words that are cited, as they stand in the document."
    )
    url = graphene.String(required=True, description="Where the passage is shown, a path of this server.")


class ReactionCount(graphene.ObjectType):
    """How many users reacted with an emoji, and whether you did."""

    emoji = graphene.String(required=True, description="The emoji.")
    count = graphene.Int(required=True, description="How many users put it to the message.")
    mine = graphene.Boolean(required=True, description="Whether you are one of them.")
    user_ids = graphene.List(
        graphene.NonNull(graphene.ID), required=True, description="Who reacted, the first hundred of them."
    )


class Attachment(graphene.ObjectType):
    """A file that hangs on a message."""

    id = graphene.ID(required=True, description="Opaque.")
    filename = graphene.String(required=True, description="As it was called where it came from.")
    media_type = graphene.String(required=True, description="Such as image/png.")
    size_bytes = graphene.Int(required=True, description="Size of the file.")
    url = graphene.String(required=True, description="Where it is read, a path of this server.")


def attachment_of(payload: dict[str, Any]) -> Attachment:
    """The attachment of a wire form (`chat.selectors.attachment_payload`)."""
    return Attachment(
        id=payload["id"],
        filename=payload["filename"],
        media_type=payload["mediaType"],
        size_bytes=payload["sizeBytes"],
        url=payload["url"],
    )


def problem_of(code: str, message: str) -> ProblemDetail | None:
    """The problem in a row's error columns; None while there is none."""
    return ProblemDetail(code=code, message=message) if code else None


WholeMessage = Message | MessageRow
AnyMessage = WholeMessage | LeanMessageRow  # lean rows are read for the fields of LEAN_FIELDS alone


class MessageType(DjangoObjectType):
    """A message in a room. `version` rises with each change of it."""

    id = graphene.ID(required=True, description="Opaque, and the same on every transport.")
    room = graphene.Field(RoomType, required=True, description="Where it was posted.")
    room_id = graphene.ID(required=True, description="Id of `room`, which costs nothing.")
    version = graphene.Int(required=True, description="The room's version at its last change.")
    kind = MessageKind(required=True, description="Who or what wrote it.")
    author = graphene.Field(
        UserType, required=True, description="Who wrote it; of SYSTEM messages, who did it."
    )
    text = graphene.String(required=True, description="As it was written, Markdown; empty once deleted.")
    html = graphene.String(required=True, description="The text, rendered and sanitised.")
    status = MessageStatus(required=True, description="How far it is.")
    error = graphene.Field(ProblemDetail, description="Why an answer FAILED.")
    citations = graphene.List(
        graphene.NonNull(Citation), required=True, description="What an answer quotes, by number."
    )
    reactions = graphene.List(
        graphene.NonNull(ReactionCount), required=True, description="In the order of their first appearance."
    )
    parent_id = graphene.ID(description="The message it replies to.")
    reply_count = graphene.Int(required=True, description="Replies that were not deleted.")
    attachments = graphene.List(
        graphene.NonNull(Attachment), required=True, description="Files that hang on it."
    )
    client_id = graphene.String(description="The id its sender gave it.")
    created_at = graphene.DateTime(required=True, description="When it was posted.")
    edited_at = graphene.DateTime(description="When its text was last changed by its author.")
    deleted_at = graphene.DateTime(description="When its words were taken away.")
    delta_index = graphene.Int(
        required=True, description="How many deltas the text of a streaming answer contains."
    )
    answer = graphene.Field("gql.types.answers.AnswerType", description="Of an ANSWER: what it rests on.")

    class Meta:
        model = Message
        name = "Message"
        fields = ()

    @classmethod
    @by_class
    def is_type_of(cls, root: Any, info: GraphQLResolveInfo) -> bool:
        return isinstance(root, AnyMessageRow) or super().is_type_of(root, info)

    @staticmethod
    @batched
    async def resolve_room(messages: list[AnyMessage], info: GraphQLResolveInfo) -> list[Room | None]:
        return await context_of(info).load_each(RoomById, [message.room_id for message in messages])

    @staticmethod
    @batched
    async def resolve_author(
        messages: list[AnyMessage], info: GraphQLResolveInfo
    ) -> list[User | PersonRow | None]:
        come_along = [_author_that_came_along(message) for message in messages]
        wanted = [
            message.author_id if author is None else None
            for message, author in zip(messages, come_along, strict=True)
        ]
        loaded = await context_of(info).load_each(AuthorById, wanted)
        return [there or found for there, found in zip(come_along, loaded, strict=True)]

    @staticmethod
    def resolve_error(message: WholeMessage, info: GraphQLResolveInfo) -> ProblemDetail | None:
        return problem_of(message.error_code, message.error_message)

    @staticmethod
    def resolve_citations(message: WholeMessage, info: GraphQLResolveInfo) -> list[dict[str, Any]]:
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
    @batched
    async def resolve_reactions(
        messages: list[WholeMessage], info: GraphQLResolveInfo
    ) -> list[list[ReactionCount]]:
        reactions = [message.reactions for message in messages]
        if not any(reactions):
            return [[] for _ in messages]
        return await _reaction_counts(messages, reactions, context_of(info))

    @staticmethod
    def resolve_attachments(message: WholeMessage, info: GraphQLResolveInfo) -> list[Attachment]:
        return [attachment_of(payload) for payload in message.attachments]

    @staticmethod
    @batched
    async def resolve_reply_count(messages: list[AnyMessage], info: GraphQLResolveInfo) -> list[int]:
        return await context_of(info).load_each(ReplyCountByMessage, [message.pk for message in messages])

    @staticmethod
    @batched
    async def resolve_answer(messages: list[AnyMessage], info: GraphQLResolveInfo) -> list[Answer | None]:
        is_answer = Message.Kind.ANSWER
        wanted = [message.pk if message.kind == is_answer else None for message in messages]
        return await context_of(info).load_each(AnswerByMessage, wanted)


def _author_that_came_along(message: AnyMessage) -> User | None:
    """The author of an event's message, who is told with it; None for messages that were read alone."""
    if isinstance(message, AnyMessageRow) or "author" not in message._state.fields_cache:
        return None
    return message.author


async def _reaction_counts(
    messages: list[WholeMessage], reactions: list[list[dict[str, Any]]], context: Context
) -> list[list[ReactionCount]]:
    """The reactions of each message. A list of who reacted that ends before the caller is looked up in the rows."""
    user = context.user
    unknown = [
        message.pk if user is not None and any(is_own(one, user) is None for one in counted) else None
        for message, counted in zip(messages, reactions, strict=True)
    ]
    own = await context.load_each(OwnReactionsByMessage, unknown)
    found: list[list[ReactionCount]] = []
    for counted, emoji in zip(reactions, own, strict=True):
        found.append([_reaction_count(one, user, emoji) for one in counted])
    return found


def _reaction_count(counted: dict[str, Any], user: User | None, own: set[str] | None) -> ReactionCount:
    known = False if user is None else is_own(counted, user)
    return ReactionCount(
        emoji=counted["emoji"],
        count=counted["count"],
        mine=counted["emoji"] in (own or ()) if known is None else known,
        user_ids=counted["userIds"],
    )


MessageConnection = connection_type("Message", MessageType)
