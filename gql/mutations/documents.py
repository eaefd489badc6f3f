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
    replace = graphene.Boolean(
        default_value=False,
        description="Whether a document of the same file name in the collection goes when this one is ready.",
    )


class AddDocumentUrlInput(graphene.InputObjectType):
    """A page of the web to be fetched, indexed and found."""

    collection_id = graphene.ID(required=True, description="A collection you may add to.")
    url = graphene.String(
        required=True, description="http or https, up to 500 characters; on the public Internet."
    )
    title = graphene.String(description="How it is listed; the page's own if left out.")
    check_every_hours = graphene.Int(
        default_value=0,
        description="0: never. 1, 6, 24, 168 or 720: a page that changed becomes a new version.",
    )


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
    add_document_url = costs(
        graphene.NonNull(
            DocumentType,
            input=AddDocumentUrlInput(required=True, description="The page and where it goes."),
            description="Have a page fetched as a document; one the collection has is given as it is.",
        ),
        complexity=5000,
    )
    check_document_url = costs(
        graphene.NonNull(
            DocumentType,
            document_id=graphene.ID(
                required=True, description="One that was added by its URL, and is yours to change."
            ),
            description="Have the page of a document fetched again; a change becomes a new version of it.",
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
            replace=bool(input.get("replace")),
        )

    @staticmethod
    async def resolve_add_document_url(
        root: None, info: GraphQLResolveInfo, input: dict[str, Any]
    ) -> Document:
        return await act(
            info,
            actions.add_url,
            collection_id=input["collection_id"],
            url=input["url"],
            title=input.get("title") or "",
            check_every_hours=input.get("check_every_hours") or 0,
        )

    @staticmethod
    async def resolve_check_document_url(root: None, info: GraphQLResolveInfo, document_id: str) -> Document:
        return await act(info, actions.check_now, document_id=document_id)

    @staticmethod
    async def resolve_delete_document(root: None, info: GraphQLResolveInfo, document_id: str) -> bool:
        await act(info, actions.delete_document, document_id=document_id)
        return True
