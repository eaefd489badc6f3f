"""Queries. Each asks for a signed-in user, except `me`, and reads what that user may see."""

from typing import Any

import graphene
from django.db.models import Case, Model, QuerySet, Value, When
from graphql import GraphQLResolveInfo

from chat.database import run_in_db
from chat.models import Message, Room, User
from chat.selectors import access_message, access_room, access_user, open_rooms, users_visible_to
from chat.text import clean_text
from gql.connections import Key, Page, PageRequest, cut_page, parse_page, read_rows
from gql.context import context_of, require_user
from gql.errors import bad_input
from gql.types.answers import AnswerType
from gql.types.documents import CollectionConnection, DocumentConnection, DocumentType, PassageType
from gql.types.messages import MessageType
from gql.types.people import UserConnection, UserType
from gql.types.rooms import RoomConnection, RoomType
from rag.models import Answer, Collection, Document
from rag.passages import Passage
from rag.retrieval import Audience, search
from rag.selectors import (
    access_answer,
    access_collection,
    access_document,
    collections_readable_by,
    documents_readable_by,
)

TOP_K_MAX = 50
QUESTION_MAX_CHARACTERS = 2000


async def _page(rows: QuerySet[Any], names: tuple[str, ...], page: PageRequest) -> Page[Any]:
    """A page of the rows in the order of the named columns, the last of which is unique."""

    def key(row: Model) -> Key:
        return tuple(getattr(row, name) for name in names)

    async def count() -> int:
        return await run_in_db(rows.count)

    return cut_page(await run_in_db(read_rows, rows, names, page), page, key=key, count=count)


def _listed_rooms(user: User) -> QuerySet[Room]:
    """`open_rooms`, with what puts one's own before the others (`others` 0 or 1)."""
    return open_rooms(user).annotate(others=Case(When(is_member=True, then=Value(0)), default=Value(1)))


class PeopleQueries:
    me = graphene.Field(UserType, description="Null when nobody is signed in.")
    user = graphene.Field(UserType, id=graphene.ID(required=True))
    users = graphene.Field(
        UserConnection,
        required=True,
        limit=graphene.Int(),
        cursor=graphene.String(),
        description="By user name. `limit` is at most 100; `cursor` is the `endCursor` of the page before.",
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
        people = users_visible_to(require_user(info))
        page = parse_page((str, int), first=limit, after=cursor, names=("limit", "cursor"))
        return await _page(people, ("username", "id"), page)


class ChatQueries:
    room = graphene.Field(RoomType, id=graphene.ID(required=True))
    rooms = graphene.Field(
        RoomConnection,
        required=True,
        first=graphene.Int(),
        after=graphene.String(),
        description="Rooms you are in, then public ones; each by name. Archived rooms are left out.",
    )
    message = graphene.Field(MessageType, id=graphene.ID(required=True))

    @staticmethod
    async def resolve_room(root: None, info: GraphQLResolveInfo, id: str) -> Room:
        return await run_in_db(access_room, require_user(info), id)

    @staticmethod
    async def resolve_rooms(root: None, info: GraphQLResolveInfo, **arguments: Any) -> Page[Room]:
        user, page = require_user(info), parse_page((int, str, int), **arguments)
        return await _page(_listed_rooms(user), ("others", "name", "id"), page)

    @staticmethod
    async def resolve_message(root: None, info: GraphQLResolveInfo, id: str) -> Message:
        return await run_in_db(access_message, require_user(info), id)


def _documents(user: User, collection_id: str | None) -> QuerySet[Document]:
    documents = documents_readable_by(user)
    if collection_id is not None:
        documents = documents.filter(collection=access_collection(user, collection_id))
    return documents


def _search(
    user: User, query: str, top_k: int, room_id: str | None, collection_ids: list[str] | None
) -> list[Passage]:
    question = clean_text(query)
    if not question or len(question) > QUESTION_MAX_CHARACTERS:
        raise bad_input("query", f"must have 1 to {QUESTION_MAX_CHARACTERS} characters")
    if not 1 <= top_k <= TOP_K_MAX:
        raise bad_input("topK", f"must lie between 1 and {TOP_K_MAX}")
    audience = Audience.of_user(user) if room_id is None else Audience.of_room(access_room(user, room_id).pk)
    wanted = None
    if collection_ids is not None:
        wanted = [access_collection(user, collection_id).pk for collection_id in collection_ids[:100]]
    return search(audience, question, top_k=top_k, collection_ids=wanted)


class DocumentQueries:
    collections = graphene.Field(
        CollectionConnection,
        required=True,
        first=graphene.Int(),
        after=graphene.String(),
        description="By name.",
    )
    documents = graphene.Field(
        DocumentConnection,
        required=True,
        collection_id=graphene.ID(),
        first=graphene.Int(),
        after=graphene.String(),
        description="By title.",
    )
    document = graphene.Field(DocumentType, id=graphene.ID(required=True))
    similarity_search = graphene.List(
        graphene.NonNull(PassageType),
        required=True,
        query=graphene.String(required=True),
        top_k=graphene.Int(default_value=5),
        room_id=graphene.ID(description="Search only what everyone who can read this room may read."),
        collection_ids=graphene.List(graphene.NonNull(graphene.ID)),
        description="The passages that fit best, of those you may read. `topK` is at most 50.",
    )
    answer = graphene.Field(AnswerType, id=graphene.ID(required=True))

    @staticmethod
    async def resolve_collections(root: None, info: GraphQLResolveInfo, **arguments: Any) -> Page[Collection]:
        user, page = require_user(info), parse_page((str, int), **arguments)
        return await _page(collections_readable_by(user), ("name", "id"), page)

    @staticmethod
    async def resolve_documents(
        root: None, info: GraphQLResolveInfo, collection_id: str | None = None, **arguments: Any
    ) -> Page[Document]:
        user, page = require_user(info), parse_page((str, int), **arguments)
        return await _page(await run_in_db(_documents, user, collection_id), ("title", "id"), page)

    @staticmethod
    async def resolve_document(root: None, info: GraphQLResolveInfo, id: str) -> Document:
        return await run_in_db(access_document, require_user(info), id)

    @staticmethod
    async def resolve_similarity_search(
        root: None,
        info: GraphQLResolveInfo,
        query: str,
        top_k: int | None = None,
        room_id: str | None = None,
        collection_ids: list[str] | None = None,
    ) -> list[Passage]:
        user = require_user(info)
        return await run_in_db(_search, user, query, 5 if top_k is None else top_k, room_id, collection_ids)

    @staticmethod
    async def resolve_answer(root: None, info: GraphQLResolveInfo, id: str) -> Answer:
        return await run_in_db(access_answer, require_user(info), id)


class Query(PeopleQueries, ChatQueries, DocumentQueries, graphene.ObjectType):
    """What can be read."""
