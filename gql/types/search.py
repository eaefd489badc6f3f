"""Results of the search over everything."""

from typing import Any

import graphene
from graphql import GraphQLResolveInfo

from chat.models import Message
from gql.lists.connections import PageInfo, encode_cursor, page_info_of
from gql.lists.merged_search import MARK_END, MARK_START, SearchPage
from gql.types.documents import DocumentType, PassageType
from gql.types.messages import MessageType
from rag.models import Document


class SearchResult(graphene.Union):
    """What a search finds: a message, a document by its title or file name, or a passage of a document."""

    class Meta:
        types = (MessageType, DocumentType, PassageType)

    @classmethod
    def resolve_type(cls, instance: object, info: GraphQLResolveInfo) -> type[graphene.ObjectType]:
        if isinstance(instance, Message):
            return MessageType
        return DocumentType if isinstance(instance, Document) else PassageType


class SearchResultEdge(graphene.ObjectType):
    """A place in a SearchResultConnection."""

    cursor = graphene.String(required=True, description="What `after` begins at.")
    snippet = graphene.String(
        required=True,
        description=f"Where it matches, plain text in one line; the words that match stand between {MARK_START}"
        f" and {MARK_END}.",
    )
    node = graphene.Field(SearchResult, required=True, description="What was found.")


class SearchResultConnection(graphene.ObjectType):
    """A page of results, the best first."""

    edges = graphene.List(
        graphene.NonNull(SearchResultEdge), required=True, description="By rank; see docs/protocols.md."
    )
    page_info = graphene.Field(PageInfo, required=True, description="Where the page lies.")

    @staticmethod
    def resolve_edges(page: SearchPage, info: GraphQLResolveInfo) -> list[dict[str, Any]]:
        return [
            {"cursor": encode_cursor(found.key), "snippet": found.snippet, "node": found.item}
            for found in page.results
        ]

    @staticmethod
    def resolve_page_info(page: SearchPage, info: GraphQLResolveInfo) -> dict[str, Any]:
        keys = [found.key for found in page.results]
        return page_info_of(keys, has_next=page.has_next, has_previous=page.has_previous)
