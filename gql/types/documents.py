"""Collections, documents and passages."""

import graphene
from graphene_django import DjangoObjectType
from graphql import GraphQLResolveInfo

from chat.models import Room, User
from gql.connections import connection_type
from gql.context import context_of
from gql.dataloaders import (
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
from rag.passages import Passage, passage_url


class CollectionType(DjangoObjectType):
    """Documents that are shared together."""

    description = graphene.String(required=True)
    rooms = graphene.List(
        graphene.NonNull(RoomType),
        required=True,
        description="Rooms it is shared with, of those you may read.",
    )
    owner = graphene.Field(UserType, required=True)
    document_count = graphene.Int(required=True)

    class Meta:
        model = Collection
        name = "Collection"
        fields = ("id", "name", "everyone")

    @staticmethod
    async def resolve_rooms(collection: Collection, info: GraphQLResolveInfo) -> list[Room]:
        return await context_of(info).load(RoomsByCollection, collection.pk)

    @staticmethod
    async def resolve_owner(collection: Collection, info: GraphQLResolveInfo) -> User | None:
        return await context_of(info).load(UserById, collection.owner_id)

    @staticmethod
    async def resolve_document_count(collection: Collection, info: GraphQLResolveInfo) -> int:
        return int(await context_of(info).load(DocumentCountByCollection, collection.pk))


CollectionConnection = connection_type("Collection", CollectionType)


class DocumentType(DjangoObjectType):
    """An uploaded file and how far its processing has come."""

    size_bytes = graphene.Int(required=True)
    status = DocumentStatus(required=True)
    error = graphene.Field(ProblemDetail, description="Why processing failed.")
    collection = graphene.Field(CollectionType, required=True)
    uploaded_by = graphene.Field(UserType, required=True)
    url = graphene.String(required=True)

    class Meta:
        model = Document
        name = "Document"
        fields = ("id", "title", "filename", "media_type", "chunk_count", "embedded_count", "created_at")

    @staticmethod
    def resolve_error(document: Document, info: GraphQLResolveInfo) -> ProblemDetail | None:
        return problem_of(document.error_code, document.error_message)

    @staticmethod
    async def resolve_collection(document: Document, info: GraphQLResolveInfo) -> Collection | None:
        return await context_of(info).load(CollectionById, document.collection_id)

    @staticmethod
    async def resolve_uploaded_by(document: Document, info: GraphQLResolveInfo) -> User | None:
        return await context_of(info).load(UserById, document.uploaded_by_id)

    @staticmethod
    def resolve_url(document: Document, info: GraphQLResolveInfo) -> str:
        return f"/documents/{document.pk}/"


DocumentConnection = connection_type("Document", DocumentType)


class PassageType(graphene.ObjectType):
    """A piece of a document as search found it; higher scores are better."""

    id = graphene.ID(required=True)
    text = graphene.String(required=True)
    score = graphene.Float(required=True)
    page = graphene.Int()
    heading = graphene.String(required=True)
    document = graphene.Field(DocumentType, required=True)
    url = graphene.String(required=True)

    class Meta:
        name = "Passage"

    @staticmethod
    def resolve_id(passage: Passage, info: GraphQLResolveInfo) -> int:
        return passage.chunk_id

    @staticmethod
    async def resolve_document(passage: Passage, info: GraphQLResolveInfo) -> Document | None:
        return await context_of(info).load(DocumentById, passage.document_id)

    @staticmethod
    def resolve_url(passage: Passage, info: GraphQLResolveInfo) -> str:
        return passage_url(passage)
