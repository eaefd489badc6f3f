"""Collections, documents and passages."""

import graphene
from graphene_django import DjangoObjectType
from graphql import GraphQLResolveInfo

from chat.models import Room, User
from gql.context import context_of
from gql.lists.connections import connection_type
from gql.loading.batching import batched
from gql.loading.dataloaders import (
    CollectionById,
    DocumentById,
    DocumentCountByCollection,
    RoomsByCollection,
    UserById,
)
from gql.types.enums import DocumentStatus
from gql.types.messages import ProblemDetail, problem_of
from gql.types.people import UserType
from gql.types.rooms import RoomType
from rag.models import Collection, Document
from rag.retrieval.passages import Passage, passage_url


class CollectionType(DjangoObjectType):
    """Documents that are shared together."""

    id = graphene.ID(required=True, description="Opaque, and the same on every transport.")
    name = graphene.String(required=True, description="Unique among those of its owner.")
    description = graphene.String(required=True, description="What it holds; may be empty.")
    everyone = graphene.Boolean(required=True, description="Whether every user may read it, guests too.")
    rooms = graphene.List(
        graphene.NonNull(RoomType),
        required=True,
        description="Rooms it is shared with, of those you may read.",
    )
    owner = graphene.Field(UserType, required=True, description="Who made it.")
    document_count = graphene.Int(
        required=True, description="How many documents are in it, whatever their status."
    )

    class Meta:
        model = Collection
        name = "Collection"
        fields = ()

    @staticmethod
    @batched
    async def resolve_rooms(collections: list[Collection], info: GraphQLResolveInfo) -> list[list[Room]]:
        return await context_of(info).load_each(RoomsByCollection, [one.pk for one in collections])

    @staticmethod
    @batched
    async def resolve_owner(collections: list[Collection], info: GraphQLResolveInfo) -> list[User | None]:
        return await context_of(info).load_each(UserById, [one.owner_id for one in collections])

    @staticmethod
    @batched
    async def resolve_document_count(collections: list[Collection], info: GraphQLResolveInfo) -> list[int]:
        return await context_of(info).load_each(DocumentCountByCollection, [one.pk for one in collections])


CollectionConnection = connection_type("Collection", CollectionType)


class DocumentType(DjangoObjectType):
    """An uploaded file and how far its processing has come."""

    id = graphene.ID(required=True, description="Opaque, and the same on every transport.")
    title = graphene.String(required=True, description="How it is listed and cited.")
    filename = graphene.String(required=True, description="As it was called where it came from.")
    media_type = graphene.String(required=True, description="Such as application/pdf.")
    size_bytes = graphene.Int(required=True, description="Size of the original file.")
    status = DocumentStatus(required=True, description="How far its processing has come.")
    error = graphene.Field(ProblemDetail, description="Why processing failed.")
    chunk_count = graphene.Int(required=True, description="Passages it was cut into; 0 before that.")
    embedded_count = graphene.Int(required=True, description="Those of them that can be found by meaning.")
    warning = graphene.String(required=True, description="What of the file was not read; may be empty.")
    language = graphene.String(required=True, description="ISO 639-1, as de; empty where it is not known.")
    source = graphene.String(required=True, description="A path, or the URL of a page; may be empty.")
    collection = graphene.Field(CollectionType, required=True, description="Where it belongs.")
    uploaded_by = graphene.Field(UserType, required=True, description="Who added it.")
    created_at = graphene.DateTime(required=True, description="When it was added.")
    url = graphene.String(required=True, description="Its page, a path of this server.")

    class Meta:
        model = Document
        name = "Document"
        fields = ()

    @staticmethod
    def resolve_error(document: Document, info: GraphQLResolveInfo) -> ProblemDetail | None:
        return problem_of(document.error_code, document.error_message)

    @staticmethod
    @batched
    async def resolve_collection(
        documents: list[Document], info: GraphQLResolveInfo
    ) -> list[Collection | None]:
        return await context_of(info).load_each(CollectionById, [one.collection_id for one in documents])

    @staticmethod
    @batched
    async def resolve_uploaded_by(documents: list[Document], info: GraphQLResolveInfo) -> list[User | None]:
        return await context_of(info).load_each(UserById, [one.uploaded_by_id for one in documents])

    @staticmethod
    def resolve_url(document: Document, info: GraphQLResolveInfo) -> str:
        return f"/documents/{document.pk}/"


DocumentConnection = connection_type("Document", DocumentType)


class PassageType(graphene.ObjectType):
    """A piece of a document as search found it; higher scores are better."""

    id = graphene.ID(required=True, description="Opaque; it changes when the document is processed anew.")
    text = graphene.String(required=True, description="Its words, as they stand in the document.")
    score = graphene.Float(required=True, description="How well it fits, comparable within one search only.")
    page = graphene.Int(description="From 1; null for formats without pages.")
    heading = graphene.String(required=True, description='Headings above it, joined by " › "; may be empty.')
    document = graphene.Field(DocumentType, required=True, description="The document it is a piece of.")
    url = graphene.String(
        required=True, description="Where it is shown in its document, a path of this server."
    )

    class Meta:
        name = "Passage"

    @staticmethod
    def resolve_id(passage: Passage, info: GraphQLResolveInfo) -> int:
        return passage.chunk_id

    @staticmethod
    @batched
    async def resolve_document(passages: list[Passage], info: GraphQLResolveInfo) -> list[Document | None]:
        return await context_of(info).load_each(DocumentById, [one.document_id for one in passages])

    @staticmethod
    def resolve_url(passage: Passage, info: GraphQLResolveInfo) -> str:
        return passage_url(passage)
