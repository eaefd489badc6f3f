"""Collections and documents."""

from typing import Any

import graphene
from django.core.files.uploadedfile import UploadedFile
from graphql import GraphQLResolveInfo

from gql.context import act
from gql.protection.declared import costs
from gql.types.documents import CollectionType, DocumentType
from gql.types.upload import Upload
from rag import actions
from rag.models import Collection, Document

_EVERYONE = "Whether every user may read it, guests too."


class CreateCollectionInput(graphene.InputObjectType):
    """A new collection; you become its owner."""

    name = graphene.String(required=True, description="Up to 80 characters; one of yours may have it.")
    description = graphene.String(description="What it holds, in a sentence or two.")
    room_ids = graphene.List(
        graphene.NonNull(graphene.ID), description="Neither rooms nor everyone: private to you."
    )
    everyone = graphene.Boolean(default_value=False, description=_EVERYONE)


class ShareCollectionInput(graphene.InputObjectType):
    """Who may read a collection from now on."""

    collection_id = graphene.ID(
        required=True, description="A collection of yours; the files of a room are not shared further."
    )
    room_ids = graphene.List(
        graphene.NonNull(graphene.ID),
        required=True,
        description="Exactly these of the rooms you may read; [] ends all shares with them.",
    )
    everyone = graphene.Boolean(default_value=False, description=_EVERYONE)


class UploadDocumentInput(graphene.InputObjectType):
    """A file to be read, indexed and found."""

    collection_id = graphene.ID(required=True, description="A collection you may add to.")
    file = Upload(required=True, description="The file itself; docs/documents.md names the formats.")
    title = graphene.String(description="How it is listed; taken from the file if left out.")


class DocumentMutations:
    create_collection = graphene.NonNull(
        CollectionType,
        input=CreateCollectionInput(required=True, description="The collection."),
        description="A new, empty collection.",
    )
    share_collection = graphene.NonNull(
        CollectionType,
        input=ShareCollectionInput(required=True, description="Which one, and with whom."),
        description="Share with exactly these rooms, or with everyone.",
    )
    upload_document = costs(
        graphene.NonNull(
            DocumentType,
            input=UploadDocumentInput(required=True, description="The file and where it goes."),
            description="Send it as multipart/form-data; follow it with `documentProgress`.",
        ),
        complexity=5000,
    )
    delete_document = graphene.NonNull(
        graphene.Boolean,
        document_id=graphene.ID(
            required=True, description="One you uploaded, or in a collection you may add to."
        ),
        description="Delete a document with its passages and its file. True when it is gone.",
    )

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
