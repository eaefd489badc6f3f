"""An event on its way to those who listen, whichever process it comes from. Pure."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import orjson

from chat.live.event_names import ABOUT_A_USER, VERSIONED

RESYNC = "resync"
T = TypeVar("T")


class Delivery:
    """An event of a group. `name` is `RESYNC` where events may have been lost.

    Attributes:
        version: the room's version that the event tells of; None if it tells of nothing stored.
        json: the data, encoded.
    """

    __slots__ = ("_data", "_encodings", "group", "json", "name", "version")

    def __init__(self, group: str, name: str, data: dict[str, Any]) -> None:
        self.group = group
        self.name = name
        self.version = data["version"] if name in VERSIONED else None
        self.json = orjson.dumps(data)
        self._data: dict[str, Any] | None = data
        self._encodings: dict[Hashable, Any] = {}

    @classmethod
    def received(cls, group: str, name: str, version: int | None, json: bytes) -> "Delivery":
        """An event of another process. Its data are decoded when somebody asks for them.

        Raises:
            ValueError: it cannot be an event.
        """
        if (
            not isinstance(json, bytes)
            or not isinstance(name, str)
            or (name in VERSIONED) != isinstance(version, int)
        ):
            raise ValueError("not an event")
        delivery = cls.__new__(cls)
        delivery.group, delivery.name, delivery.version, delivery.json = group, name, version, json
        delivery._data, delivery._encodings = None, {}
        if name in ABOUT_A_USER and not _names_user_and_room(delivery.data):
            raise ValueError("not an event")
        return delivery

    @property
    def data(self) -> dict[str, Any]:
        """The event's data, as `Event.data` gave them."""
        if self._data is None:
            self._data = orjson.loads(self.json)
        return self._data

    @property
    def about(self) -> int | None:
        """The id of the user whom it is about and who is not told; None if everybody is."""
        return int(self.data["userId"]) if self.name in ABOUT_A_USER else None

    def encoded(self, encode: "Callable[[Delivery], T]") -> T:
        """What `encode` makes of this event; made once, whoever asks."""
        try:
            encoding: T = self._encodings[encode]
        except KeyError:
            encoding = self._encodings[encode] = encode(self)
        return encoding

    def __repr__(self) -> str:
        return f"<Delivery {self.name} in {self.group}>"


def _names_user_and_room(data: object) -> bool:
    if not isinstance(data, dict):
        return False
    user_id, room_id = data.get("userId"), data.get("roomId")
    return isinstance(user_id, str) and user_id.isdecimal() and isinstance(room_id, str)


Listener = Callable[[Delivery], None]
