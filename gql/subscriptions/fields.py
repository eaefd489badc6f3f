"""Subscriptions. Access is checked before the first event; a source that loses it ends with the error."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import graphene
from graphql import GraphQLResolveInfo

from chat import events
from chat.database import run_in_db
from chat.live.delivery import Delivery
from chat.models import User
from chat.selectors import access_room
from gql.context import context_of, require_user
from gql.loading.dataloaders import PresenceByUser, UserById
from gql.subscriptions.answer_feed import follow_answer
from gql.subscriptions.answer_text import TextPiece
from gql.subscriptions.feeds import (
    MessageNews,
    Place,
    check_since,
    follow_room,
    live_event,
    message_of,
)
from gql.types.answers import AnswerType
from gql.types.documents import DocumentType
from gql.types.enums import Presence
from gql.types.messages import MessageType
from gql.types.people import UserType
from rag.models import Document
from rag.selectors import access_answer, access_document

PROGRESS_INTERVAL_S = 0.5


class MessageAdded(graphene.ObjectType):
    """A new message."""

    message = graphene.Field(MessageType, required=True, description="The message that was posted.")


class MessageUpdated(graphene.ObjectType):
    """A message changed: replace the one with the same id if this version is higher."""

    message = graphene.Field(MessageType, required=True, description="The message as it is now.")


class MessageDelta(graphene.ObjectType):
    """The next piece of a running answer, for who has `index` pieces of it (`Message.deltaIndex`)."""

    message_id = graphene.ID(required=True, description="The message that is being written.")
    index = graphene.Int(required=True, description="Place of the piece: pieces before it come to this many.")
    text = graphene.String(required=True, description="What is to be appended to the text.")


class TypingChanged(graphene.ObjectType):
    """Somebody began or stopped typing."""

    user = graphene.Field(UserType, required=True, description="Who.")
    typing = graphene.Boolean(required=True, description="True when it began, false when it stopped.")

    @staticmethod
    async def resolve_user(event: Any, info: GraphQLResolveInfo) -> User | None:
        return await context_of(info).load(UserById, event.user)


class PresenceChanged(graphene.ObjectType):
    """Somebody opened the room, or left it for now."""

    user = graphene.Field(UserType, required=True, description="Who.")
    presence = Presence(required=True, description="Whether he or she has a live connection anywhere.")

    @staticmethod
    async def resolve_user(event: Any, info: GraphQLResolveInfo) -> User | None:
        return await context_of(info).load(UserById, event.user)

    @staticmethod
    async def resolve_presence(event: Any, info: GraphQLResolveInfo) -> str:
        return await context_of(info).load(PresenceByUser, event.user)


class RoomEvent(graphene.Union):
    """What happens in a room."""

    class Meta:
        types = (MessageAdded, MessageUpdated, MessageDelta, TypingChanged, PresenceChanged)


class AnswerDelta(graphene.ObjectType):
    """The next piece of an answer's text. `index` 0 begins the text, also when it comes again: then start over."""

    index = graphene.Int(required=True, description="Place of the piece, from 0.")
    text = graphene.String(required=True, description="What is to be appended to the text.")


class AnswerFinished(graphene.ObjectType):
    """The answer is final, failed or stopped; its message holds the checked text and citations."""

    answer = graphene.Field(AnswerType, required=True, description="The answer, with its message.")


class AnswerEvent(graphene.Union):
    """What happens to an answer."""

    class Meta:
        types = (AnswerDelta, AnswerFinished)


def _live_post(delivery: Delivery) -> object | None:
    if delivery.name != events.MessagePosted.name:
        return None
    return live_event(delivery.encoded(message_of))


async def _messages_added(
    user: User, room_id: str, since: int | None, place: Place | None
) -> AsyncIterator[object]:
    async for news in follow_room(user, room_id, since, live_post, posts_only=True, place=place):
        if isinstance(news, MessageNews) and news.is_new:
            yield news.message if news.live is None else live_post(news.live)


def _make_room_event(delivery: Delivery) -> object | None:
    event = _room_event(delivery)
    return None if event is None else live_event(event)


def _room_event(news: MessageNews | Delivery) -> graphene.ObjectType | None:
    if isinstance(news, MessageNews):
        return MessageAdded(message=news.message) if news.is_new else MessageUpdated(message=news.message)
    data = news.data
    match news.name:
        case events.MessagePosted.name:
            return MessageAdded(message=news.encoded(message_of))
        case events.MessageUpdated.name:
            return MessageUpdated(message=news.encoded(message_of))
        case events.MessageDelta.name:
            return MessageDelta(message_id=data["messageId"], index=data["index"], text=data["text"])
        case events.Typing.name:
            return TypingChanged(user=int(data["userId"]), typing=data["typing"])
        case events.UserJoined.name | events.UserLeft.name:
            return PresenceChanged(user=int(data["userId"]))
    return None


async def _room_events(
    user: User, room_id: str, since: int | None, place: Place | None
) -> AsyncIterator[object]:
    async for news in follow_room(user, room_id, since, live_room_event, place=place):
        delivery = news.live if isinstance(news, MessageNews) else news
        event = _room_event(news) if delivery is None else live_room_event(delivery)
        if event is not None:
            yield event


def live_post(delivery: Delivery) -> object | None:
    """The event of `messageAdded` that a delivery is, the same for all subscribers; None if it is none."""
    return delivery.encoded(_live_post)


def live_room_event(delivery: Delivery) -> object | None:
    """The event of `roomEvents` that a delivery is, the same for all subscribers; None if it is none."""
    return delivery.encoded(_make_room_event)


async def _answer_events(user: User, answer_id: str) -> AsyncIterator[graphene.ObjectType]:
    async for step in follow_answer(user, answer_id):
        if isinstance(step, TextPiece):
            yield AnswerDelta(index=step.index, text=step.text)
        else:
            yield AnswerFinished(answer=step)


async def _document_states(user: User, document_id: str) -> AsyncIterator[Document]:
    """The document now and after each change, until READY or FAILED. Progress is not announced: it is asked."""
    told = None
    while True:
        document = await run_in_db(access_document, user, document_id)
        state = (document.status, document.chunk_count, document.embedded_count)
        if state != told:
            yield document
        if document.status in (Document.Status.READY, Document.Status.FAILED):
            return
        told = state
        await asyncio.sleep(PROGRESS_INTERVAL_S)


_SINCE = "The highest `version` you saw in the room; what came after it is sent first."


class Subscription(graphene.ObjectType):
    """What can be followed live. `since` is the highest `version` you saw; what you missed comes first."""

    message_added = graphene.Field(
        MessageType,
        required=True,
        room_id=graphene.ID(required=True, description="A room you may read."),
        since=graphene.Int(description=_SINCE),
        description="Each new message once; with `since`, also those posted after that version.",
    )
    room_events = graphene.Field(
        RoomEvent,
        required=True,
        room_id=graphene.ID(required=True, description="A room you may read."),
        since=graphene.Int(description=_SINCE),
        description="Everything that happens in a room: messages, changes, running answers, typing, presence.",
    )
    answer_stream = graphene.Field(
        AnswerEvent,
        required=True,
        answer_id=graphene.ID(required=True, description="An answer in a room you may read."),
        description="From the start of the answer, whenever you subscribe; completes after AnswerFinished.",
    )
    document_progress = graphene.Field(
        DocumentType,
        required=True,
        document_id=graphene.ID(required=True, description="A document you may read."),
        description="The document now and as it changes; completes at READY or FAILED.",
    )

    @staticmethod
    async def subscribe_message_added(
        root: Place | None, info: GraphQLResolveInfo, room_id: str, since: int | None = None
    ) -> AsyncIterator[object]:
        user = require_user(info)
        check_since(await run_in_db(access_room, user, room_id), since)
        return _messages_added(user, room_id, since, root)

    @staticmethod
    async def subscribe_room_events(
        root: Place | None, info: GraphQLResolveInfo, room_id: str, since: int | None = None
    ) -> AsyncIterator[object]:
        user = require_user(info)
        check_since(await run_in_db(access_room, user, room_id), since)
        return _room_events(user, room_id, since, root)

    @staticmethod
    async def subscribe_answer_stream(
        root: Place | None, info: GraphQLResolveInfo, answer_id: str
    ) -> AsyncIterator[graphene.ObjectType]:
        user = require_user(info)
        await run_in_db(access_answer, user, answer_id)
        return _answer_events(user, answer_id)

    @staticmethod
    async def subscribe_document_progress(
        root: Place | None, info: GraphQLResolveInfo, document_id: str
    ) -> AsyncIterator[Document]:
        user = require_user(info)
        await run_in_db(access_document, user, document_id)
        return _document_states(user, document_id)
