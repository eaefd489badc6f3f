"""An HTTP connection to addresses that were checked, all of whose reading and writing ends by one deadline.

The standard library's client resolves a name by itself and bounds each read, not all of them. Here the caller gives the
addresses, so that no second answer of a name server can lead elsewhere; a server that sends a byte a second ends, too.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Sequence
from typing import Any


class Deadline:
    """A moment, `seconds` from now."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def remaining_s(self) -> float:
        """Seconds that are left, more than 0.

        Raises:
            TimeoutError: none are.
        """
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline is over")
        return left


class PinnedConnection(http.client.HTTPConnection):
    """Connects to the first of `addresses` that answers; name, Host header and certificate are those of `host`."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        addresses: Sequence[str],
        deadline: Deadline,
        tls: ssl.SSLContext | None,
    ) -> None:
        super().__init__(host, port)
        self.default_port = 443 if tls else 80  # as for the Host header, which names others only
        self._addresses = addresses
        self._deadline = deadline
        self._tls = tls

    def connect(self) -> None:
        sock = self._connect_to_one()
        if self._tls is not None:
            try:
                sock.settimeout(self._deadline.remaining_s())
                sock = self._tls.wrap_socket(sock, server_hostname=self.host)
            except BaseException:
                sock.close()
                raise
        self.sock: Any = _DeadlineSocket(sock, self._deadline)

    def _connect_to_one(self) -> socket.socket:
        problem: OSError = ConnectionError("there is no address")
        for address in self._addresses:
            try:
                return socket.create_connection((address, self.port), timeout=self._deadline.remaining_s())
            except OSError as error:
                problem = error
        raise problem


class _DeadlineSocket:
    """The part of a socket that http.client uses."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(self._deadline.remaining_s())
        self._sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(
            _DeadlineReader(self._sock, self._deadline)
        )  # keeps it open, as a socket's own

    def close(self) -> None:
        self._sock.close()


class _DeadlineReader(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._deadline.remaining_s())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
