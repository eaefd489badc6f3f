"""Messages."""

from typing import Any

import graphene
from django.core.files.uploadedfile import UploadedFile
from graphql import GraphQLResolveInfo

from chat import actions
from chat.models import Message
from chat.selectors import attachment_payload
from gql.context import act, charge
from gql.protection.declared import costs
from gql.types.messages import Attachment, MessageType, attachment_of
from gql.types.upload import Upload


class SendMessageInput(graphene.InputObjectType):
    """A message to be posted."""

    room_id = graphene.ID(required=True, description="A room you are a member of.")
    text = graphene.String(required=True, description="Markdown; a name after @ mentions somebody.")
    client_id = graphene.String(
        description="Your own id of the message: sending it again gives the first one back."
    )
    parent_id = graphene.ID(description="The message of the same room that this one replies to.")
    attachment_ids = graphene.List(
        graphene.NonNull(graphene.ID),
        description="Your uploads to this room, each once (`uploadAttachment`). With one the text may be empty.",
    )


class UploadAttachmentInput(graphene.InputObjectType):
    """A file for a message."""

    room_id = graphene.ID(required=True, description="The room of the message; one you are a member of.")
    file = Upload(required=True, description="The file.")


def _message_id(description: str) -> graphene.ID:
    return graphene.ID(required=True, description=description)


class MessageMutations:
    send_message = graphene.NonNull(
        MessageType,
        input=SendMessageInput(required=True, description="The message."),
        description="Post a message as you.",
    )
    upload_attachment = costs(
        graphene.NonNull(
            Attachment,
            input=UploadAttachmentInput(required=True, description="The file."),
            description="Store a file for one message of the room, which you post within a day; until then only you"
            " read it. Send it as multipart/form-data.",
        ),
        complexity=1000,
    )
    edit_message = graphene.NonNull(
        MessageType,
        message_id=_message_id("A message of yours."),
        text=graphene.String(required=True, description="The whole new text."),
        description="Change the text of your own message.",
    )
    delete_message = graphene.NonNull(
        MessageType,
        message_id=_message_id("A message of yours, or of a room you moderate."),
        description="Its words go, its place stays.",
    )
    add_reaction = graphene.NonNull(
        MessageType,
        message_id=_message_id("A message of a room you are a member of."),
        emoji=graphene.String(required=True, description="One emoji."),
        description="Put one emoji to a message; again changes nothing.",
    )
    remove_reaction = graphene.NonNull(
        MessageType,
        message_id=_message_id("A message you reacted to."),
        emoji=graphene.String(required=True, description="The emoji you put to it."),
        description="Take your own emoji back.",
    )

    @staticmethod
    async def resolve_send_message(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> Message:
        charge(info, "messages")
        return await act(info, actions.post_message, **input)

    @staticmethod
    async def resolve_upload_attachment(
        root: None, info: GraphQLResolveInfo, input: dict[str, Any]
    ) -> Attachment:
        charge(info, "changes")
        file: UploadedFile = input["file"]
        values = {"room_id": input["room_id"], "file": file, "filename": file.name or ""}
        return attachment_of(attachment_payload(await act(info, actions.upload_attachment, **values)))

    @staticmethod
    async def resolve_edit_message(
        root: None, info: GraphQLResolveInfo, message_id: str, text: str
    ) -> Message:
        charge(info, "changes")
        return await act(info, actions.edit_message, message_id=message_id, text=text)

    @staticmethod
    async def resolve_delete_message(root: None, info: GraphQLResolveInfo, message_id: str) -> Message:
        charge(info, "changes")
        return await act(info, actions.delete_message, message_id=message_id)

    @staticmethod
    async def resolve_add_reaction(
        root: None, info: GraphQLResolveInfo, message_id: str, emoji: str
    ) -> Message:
        charge(info, "changes")
        return await act(info, actions.add_reaction, message_id=message_id, emoji=emoji)

    @staticmethod
    async def resolve_remove_reaction(
        root: None, info: GraphQLResolveInfo, message_id: str, emoji: str
    ) -> Message:
        charge(info, "changes")
        return await act(info, actions.remove_reaction, message_id=message_id, emoji=emoji)
