"""Enumerations, made of the models' own choices so that the two cannot drift apart."""

from enum import Enum

import graphene

from chat.models import Membership, Message, Room
from rag.models import Document


class PresenceState(Enum):
    """Whether a user has a live connection."""

    ONLINE = "online"
    IDLE = "idle"
    OFFLINE = "offline"


RoomKind = graphene.Enum.from_enum(Room.Kind, name="RoomKind", description="Who can find and read a room.")
RoomRole = graphene.Enum.from_enum(
    Membership.Role, name="RoomRole", description="What a member may do in a room."
)
MessageKind = graphene.Enum.from_enum(
    Message.Kind, name="MessageKind", description="Who or what wrote a message."
)
MessageStatus = graphene.Enum.from_enum(
    Message.Status, name="MessageStatus", description="How far a message is: a person's is final at once."
)
DocumentStatus = graphene.Enum.from_enum(
    Document.Status, name="DocumentStatus", description="From EMBEDDING on, its words can be found."
)
Presence = graphene.Enum.from_enum(PresenceState, name="Presence")
