"""The client of a WebSocket whose server has no socket: bytes go straight into the protocol, writes are kept."""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.server import ServerState
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from project.raw_websocket import RawWebSocketProtocol
from project.upgrading_http import UpgradingHttpProtocol
from project.web import server_config

MEGABYTE = 1_000_000


TEXT, BINARY, CONT, FIN = 1, 2, 0, 0x80


PATH = "/socket.io/?EIO=4&transport=websocket"


class Transport(asyncio.Transport):
    """Of a client that went on sending. It keeps what is written, and the protocol."""

    def __init__(self) -> None:
        super().__init__()
        self.aborted = self.closed = self.is_reading_paused = False
        self.written = b""
        self.protocol: Any = None

    def get_extra_info(self, name, default=None):
        return default

    def set_protocol(self, protocol) -> None:
        self.protocol = protocol

    def abort(self) -> None:
        self.aborted = True

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.aborted or self.closed

    def pause_reading(self) -> None:
        self.is_reading_paused = True

    def resume_reading(self) -> None:
        self.is_reading_paused = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data


def frame(first: int, data: bytes) -> bytes:
    return bytes([first, 0xFF]) + len(data).to_bytes(8, "big") + bytes(4) + data


class Client:
    """The other side, by the library of most Python clients."""

    def __init__(self, application: Callable[..., Any]) -> None:
        config = server_config()
        config.load()
        config.loaded_app = application
        self.state = ServerState()
        self.transport = Transport()
        self._http = UpgradingHttpProtocol(config, self.state, {}, asyncio.get_running_loop())
        self._http.connection_made(self.transport)
        self._client = ClientProtocol(parse_uri(f"ws://testserver{PATH}"))
        self._seen = 0

    def request(self, data: bytes) -> None:
        """Send something before a WebSocket is asked for."""
        self._http.data_received(data)

    def begin(self, **headers: str) -> None:
        """Ask for a WebSocket."""
        request = self._client.connect()
        for name, value in headers.items():
            header = name.replace("_", "-")
            if header in request.headers:
                del request.headers[header]
            request.headers[header] = value
        self._client.send_request(request)
        self._http.data_received(b"".join(self._client.data_to_send()))

    @property
    def server(self) -> RawWebSocketProtocol:
        protocol: RawWebSocketProtocol = self.transport.protocol
        return protocol

    @property
    def codec(self) -> ClientProtocol:
        return self._client

    def flush(self) -> None:
        """Send what the codec has to say."""
        if data := b"".join(self._client.data_to_send()):
            self.server.data_received(data)

    def heard(self) -> list[Any]:
        """What came since the last time: frames, and the response to the handshake."""
        self._client.receive_data(self.transport.written[self._seen :])
        self._seen = len(self.transport.written)
        return self._client.events_received()
