"""The namespace `/ops`: live figures of the whole installation, for its admins (docs/protocols.md).

`figures` comes on connecting and every two seconds after; clients have nothing to emit.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chat.access.authentication import Caller, caller_from_handshake
from chat.access.sweeps import WithoutRooms, current_sweeper
from chat.database import run_in_db
from chat.errors import Forbidden, Unauthenticated
from chat.limiting import limits
from chat.models import User
from chat.ops.monitor import current_monitor
from chat.sockets.namespaces import Carrier, Namespace, Socket

NOT_AN_ADMIN = "Only admins may watch the live figures."
ACCESS_ENDED = "Your access to the live figures has ended."


def may_watch(user: User) -> bool:
    """Whether the user is one of those who run the installation."""
    return user.is_active and (user.is_staff or user.is_superuser)


class OpsSocket(WithoutRooms, Socket):
    """An admin who watches."""

    def __init__(self, connection: Carrier, caller: Caller) -> None:
        super().__init__(connection, ops_namespace.name)
        self.caller = caller

    @property
    def user_id(self) -> int:
        return self.caller.user.pk

    def update_user(self, user: User) -> None:
        """The account as it is now: who is no admin any more sees no more."""
        self.caller = replace(self.caller, user=user)
        if not may_watch(user):
            self.end_access()

    def show(self, figures: Mapping[str, Any]) -> None:
        """Send the figures as they are now."""
        self.emit("figures", figures)

    def end_access(self) -> None:
        """Disconnect from this namespace; whether the client's others go on is theirs to say."""
        self.emit("session-ended", Unauthenticated(ACCESS_ENDED).as_dict())
        self.disconnect("access ended")


class OpsNamespace(Namespace[OpsSocket]):
    """For active staff and superusers, by an access token in `auth.token` or the session cookie."""

    name = "/ops"

    async def connect(self, connection: Carrier, auth: Mapping[str, Any]) -> OpsSocket:
        caller = await run_in_db(caller_from_handshake, dict(connection.scope), auth.get("token"))
        limits.check("connects", user_id=caller.user.pk)
        if not may_watch(caller.user):
            raise Forbidden(NOT_AN_ADMIN)
        return OpsSocket(connection, caller)

    def connected(self, socket: OpsSocket) -> None:
        current_sweeper().add(socket)
        current_monitor().add(socket.show)

    async def disconnect(self, socket: OpsSocket, reason: str) -> None:
        current_sweeper().discard(socket)
        current_monitor().discard(socket.show)


ops_namespace = OpsNamespace()
