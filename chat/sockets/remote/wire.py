"""What web processes say to each other about sessions: their addresses, and their messages as MessagePack.

A process has an address, made anew at each start. The id of a polling session begins with the address of the process
that holds it, `<address>.<random>`.
"""

import re
from dataclasses import dataclass
from typing import Any

import msgpack

ADDRESS_BYTES = 9  # as URL-safe base64: 12 characters
_ADDRESS = re.compile(r"[A-Za-z0-9_-]{12}")
_SID = re.compile(r"([A-Za-z0-9_-]{12})\.[A-Za-z0-9_-]{20}")


@dataclass(frozen=True, slots=True)
class Alive:
    """The sender lives.

    Attributes:
        line: counts the connections of the sender to Redis, in every message: a new one tells that some were lost.
    """

    sender: str
    line: int


@dataclass(frozen=True, slots=True)
class Broke:
    """The sender lives, and its last line broke: what was under way over it is over."""

    sender: str
    line: int


@dataclass(frozen=True, slots=True)
class Call:
    """The sender wants something done. `number` is its own for this call."""

    sender: str
    line: int
    number: int
    method: str
    arguments: list[Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of the receiver's call. `refusal` is empty, or says in a word why there is no value."""

    sender: str
    line: int
    number: int
    refusal: str
    value: Any


@dataclass(frozen=True, slots=True)
class Cancel:
    """The sender does not wait for this call any more."""

    sender: str
    line: int
    number: int


Message = Alive | Broke | Call | Answer | Cancel
_KINDS: dict[str, tuple[type[Any], tuple[type, ...]]] = {
    "alive": (Alive, (str, int)),
    "broke": (Broke, (str, int)),
    "call": (Call, (str, int, int, str, list)),
    "answer": (Answer, (str, int, int, str, object)),
    "cancel": (Cancel, (str, int, int)),
}
_NAMES = {kind: name for name, (kind, _) in _KINDS.items()}


def encode_message(message: Message) -> bytes:
    """The message as a MessagePack array of its kind and its fields."""
    fields = [getattr(message, name) for name in type(message).__slots__]
    encoded: bytes = msgpack.packb([_NAMES[type(message)], *fields])
    return encoded


def decode_message(data: bytes) -> Message:
    """The message.

    Raises:
        ValueError: the bytes are none.
    """
    try:
        kind, *fields = msgpack.unpackb(data)
        make, types = _KINDS[kind]
    except (ValueError, TypeError, KeyError, msgpack.UnpackException) as error:
        raise ValueError("no message of a web process") from error
    fitting = len(fields) == len(types) and all(map(isinstance, fields, types))
    if not fitting or not _ADDRESS.fullmatch(fields[0]):
        raise ValueError("a malformed message of a web process")
    message: Message = make(*fields)
    return message


def address_in(sid: str) -> str | None:
    """The address of the process that made this session id, or None for what is no id of a polling session."""
    match = _SID.fullmatch(sid)
    return match[1] if match else None
