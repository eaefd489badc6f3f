"""Enumerations, made of the models' own choices so that the two cannot drift apart."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import graphene

from chat.models import Membership, Message, Room
from rag.models import Document


class PresenceState(Enum):
    """Whether a user has a live connection."""

    ONLINE = "online"
    IDLE = "idle"
    OFFLINE = "offline"


def _enum(name: str, choices: type[Enum], description: str, values: Mapping[str, str]) -> Any:
    """The GraphQL enumeration of Python's; `values` says of each member, by name, what it means."""

    def describe(member: Any) -> str:
        return description if member is None else values[member.name]

    return graphene.Enum.from_enum(choices, name=name, description=describe)


RoomKind = _enum(
    "RoomKind",
    Room.Kind,
    "Who can find and read a room.",
    {
        "PUBLIC": "Everybody reads and joins it; guests only where they are members.",
        "PRIVATE": "Its members alone know of it.",
        "DIRECT": "The conversation of two people, or of one with himself or herself.",
    },
)
RoomRole = _enum(
    "RoomRole",
    Membership.Role,
    "What a member may do in a room.",
    {
        "OWNER": "Everything, and makes owners and moderators.",
        "MODERATOR": "Manages the room, its members and what others write.",
        "MEMBER": "Reads, writes and adds files.",
        "GUEST": "Reads and writes, but adds no files.",
    },
)
MessageKind = _enum(
    "MessageKind",
    Message.Kind,
    "Who or what wrote a message.",
    {
        "PERSON": "A user.",
        "ANSWER": "An assistant; `Message.answer` says what it rests on.",
        "SYSTEM": "The server tells what somebody did, such as renaming the room.",
    },
)
MessageStatus = _enum(
    "MessageStatus",
    Message.Status,
    "How far a message is: a person's is final at once.",
    {
        "FINAL": "Complete.",
        "STREAMING": "An answer that is being written.",
        "FAILED": "An answer that could not be written; `error` says why.",
        "STOPPED": "An answer that somebody ended early.",
    },
)
DocumentStatus = _enum(
    "DocumentStatus",
    Document.Status,
    "From EMBEDDING on, its words can be found.",
    {
        "QUEUED": "Waits for a worker.",
        "PARSING": "Its text is being read.",
        "EMBEDDING": "Found by its words; the vectors for its meaning are being made.",
        "READY": "Found by words and by meaning.",
        "FAILED": "Could not be processed; `error` says why.",
    },
)
Presence = _enum(
    "Presence",
    PresenceState,
    "Whether a user has a live connection, and uses it.",
    {
        "ONLINE": "Has a live connection, and did something within the last ten minutes.",
        "IDLE": "Has one, but did nothing for about ten minutes.",
        "OFFLINE": "Has none.",
    },
)
