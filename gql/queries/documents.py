"""Collections, documents and answers."""

from typing import Any

import graphene
from graphql import GraphQLResolveInfo

from chat.database import run_in_db
from chat.errors import bad_input
from chat.models import User
from chat.selectors import access_room
from chat.text import clean_text
from gql.context import require_user
from gql.lists.connections import Page, page_arguments
from gql.lists.listings import COLLECTIONS, DOCUMENTS, listed_documents, read_page
from gql.protection.declared import costs
from gql.types.answers import AnswerType
from gql.types.documents import CollectionConnection, DocumentConnection, DocumentType, PassageType
from rag.models import Answer, Collection, Document
from rag.retrieval.filters import EVERYTHING, SearchFilters
from rag.retrieval.passages import Passage
from rag.retrieval.search import Audience, search_passages
from rag.selectors import access_answer, access_collection, access_document, collections_readable_by

TOP_K = 5
TOP_K_MAX = 50
QUESTION_MAX_CHARACTERS = 2000
COLLECTIONS_MAX = 100


def find_passages(
    user: User, query: str, top_k: int | None, room_id: str | None, collection_ids: list[str] | None
) -> list[Passage]:
    """The passages that fit best, of those the user or, with a room, everyone who can read it may read.

    Raises:
        BadInput: the query, `topK` or the number of collections. NotFound: the room or a collection.
    """
    question, wanted_rows = clean_text(query), TOP_K if top_k is None else top_k
    if not question or len(question) > QUESTION_MAX_CHARACTERS:
        raise bad_input("query", f"must have 1 to {QUESTION_MAX_CHARACTERS} characters")
    if not 1 <= wanted_rows <= TOP_K_MAX:
        raise bad_input("topK", f"must lie between 1 and {TOP_K_MAX}")
    if collection_ids is not None and len(collection_ids) > COLLECTIONS_MAX:
        raise bad_input("collectionIds", f"may name at most {COLLECTIONS_MAX}")
    audience = Audience.of_user(user) if room_id is None else Audience.of_room(access_room(user, room_id).pk)
    filters = EVERYTHING
    if collection_ids is not None:
        wanted = tuple(access_collection(user, collection_id).pk for collection_id in collection_ids)
        filters = SearchFilters(collection_ids=wanted)
    return search_passages(audience, question, top_k=wanted_rows, filters=filters).passages


class DocumentQueries:
    collections = graphene.Field(
        CollectionConnection,
        required=True,
        **page_arguments(),
        description="Collections you may read, by name.",
    )
    documents = graphene.Field(
        DocumentConnection,
        required=True,
        collection_id=graphene.ID(description="Only those of this collection."),
        **page_arguments(),
        description="Documents you may read, by title.",
    )
    document = graphene.Field(
        DocumentType,
        id=graphene.ID(required=True, description="A document of a collection you may read."),
        description="One document.",
    )
    similarity_search = costs(
        graphene.List(
            graphene.NonNull(PassageType),
            required=True,
            query=graphene.String(
                required=True,
                description=f"A question or words, at most {QUESTION_MAX_CHARACTERS} characters.",
            ),
            top_k=graphene.Int(default_value=TOP_K, description=f"How many passages, at most {TOP_K_MAX}."),
            room_id=graphene.ID(description="Search only what everyone who can read this room may read."),
            collection_ids=graphene.List(
                graphene.NonNull(graphene.ID),
                description=f"Search only these collections, at most {COLLECTIONS_MAX}.",
            ),
            description="The passages that fit best in words and meaning, of those you may read; best first.",
        ),
        complexity=2000,
    )
    answer = graphene.Field(
        AnswerType,
        id=graphene.ID(required=True, description="An answer in a room you may read."),
        description="One answer of an assistant.",
    )

    @staticmethod
    async def resolve_collections(root: None, info: GraphQLResolveInfo, **arguments: Any) -> Page[Collection]:
        return await read_page(collections_readable_by, require_user(info), order=COLLECTIONS, **arguments)

    @staticmethod
    async def resolve_documents(
        root: None, info: GraphQLResolveInfo, collection_id: str | None = None, **arguments: Any
    ) -> Page[Document]:
        user = require_user(info)
        return await read_page(listed_documents, user, collection_id, order=DOCUMENTS, **arguments)

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
        return await run_in_db(find_passages, require_user(info), query, top_k, room_id, collection_ids)

    @staticmethod
    async def resolve_answer(root: None, info: GraphQLResolveInfo, id: str) -> Answer:
        return await run_in_db(access_answer, require_user(info), id)
