"""Collections and documents."""

from typing import Any

import graphene
from django.core.files.uploadedfile import UploadedFile
from graphql import GraphQLResolveInfo

from gql.context import act
from gql.types.documents import CollectionType, DocumentType
from gql.types.upload import Upload
from rag import actions
from rag.models import Collection, Document


class CreateCollectionInput(graphene.InputObjectType):
    name = graphene.String(required=True)
    description = graphene.String()
    room_ids = graphene.List(
        graphene.NonNull(graphene.ID), description="Neither rooms nor everyone: private to you."
    )
    everyone = graphene.Boolean(default_value=False)


class ShareCollectionInput(graphene.InputObjectType):
    collection_id = graphene.ID(required=True)
    room_ids = graphene.List(graphene.NonNull(graphene.ID), required=True)
    everyone = graphene.Boolean(default_value=False)


class UploadDocumentInput(graphene.InputObjectType):
    collection_id = graphene.ID(required=True)
    file = Upload(required=True)
    title = graphene.String()


class DocumentMutations:
    create_collection = graphene.NonNull(CollectionType, input=CreateCollectionInput(required=True))
    share_collection = graphene.NonNull(
        CollectionType,
        input=ShareCollectionInput(required=True),
        description="Share with exactly these rooms, or with everyone.",
    )
    upload_document = graphene.NonNull(
        DocumentType,
        input=UploadDocumentInput(required=True),
        description="Send it as multipart/form-data; follow it with `documentProgress`.",
    )
    delete_document = graphene.NonNull(graphene.Boolean, document_id=graphene.ID(required=True))

    @staticmethod
    async def resolve_create_collection(
        root: None, info: GraphQLResolveInfo, input: dict[str, Any]
    ) -> Collection:
        return await act(
            info,
            actions.create_collection,
            name=input["name"],
            description=input.get("description") or "",
            room_ids=input.get("room_ids") or (),
            everyone=bool(input.get("everyone")),
        )

    @staticmethod
    async def resolve_share_collection(
        root: None, info: GraphQLResolveInfo, input: dict[str, Any]
    ) -> Collection:
        values = {"collection_id": input["collection_id"], "room_ids": input["room_ids"]}
        return await act(info, actions.share_collection, **values, everyone=bool(input.get("everyone")))

    @staticmethod
    async def resolve_upload_document(
        root: None, info: GraphQLResolveInfo, input: dict[str, Any]
    ) -> Document:
        file: UploadedFile = input["file"]
        return await act(
            info,
            actions.upload_document,
            collection_id=input["collection_id"],
            file=file,
            filename=file.name or "",
            title=input.get("title") or "",
        )

    @staticmethod
    async def resolve_delete_document(root: None, info: GraphQLResolveInfo, document_id: str) -> bool:
        await act(info, actions.delete_document, document_id=document_id)
        return True
