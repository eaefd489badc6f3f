"""The namespace that docs/protocols.md shows as an example works as it stands there."""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from channels.routing import URLRouter
from django.urls import re_path

from chat.access.authentication import caller_from_handshake
from chat.database import run_in_db
from chat.sockets.connection import Connection
from chat.sockets.namespaces import Carrier, Namespace, Socket
from chat.sockets.polling import EngineServer
from chat.sockets.websocket_consumer import WebSocketConsumer
from chat.tests.socket_client import WireClient, access_token

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = Path(__file__).resolve().parents[2] / "docs" / "protocols.md"
KNOWN = (Any, Carrier, Mapping, Namespace, Socket, caller_from_handshake, run_in_db, time)


@pytest.fixture
def client():
    [code] = re.findall(r"```python\n(class ClockNamespace.*?)```", PAGE.read_text(), re.DOTALL)
    names = {thing.__name__: thing for thing in KNOWN}
    exec(compile(code, str(PAGE), "exec"), names)
    clock = names["clock_namespace"]
    server = EngineServer(
        lambda scope: Connection({clock.name: clock}, scope), allow_origin=lambda scope: False
    )
    path = re_path(r"^socket\.io/?$", WebSocketConsumer.as_asgi(server=server))
    return WireClient(application=URLRouter([path]))


async def test_the_documented_namespace_answers_who_is_signed_in(client, grace):
    await client.open()
    await client.send(f'40/clock,{{"token":"{await access_token(grace)}"}}')
    assert (await client.receive()).startswith('40/clock,{"sid":')

    await client.send('42/clock,7["what-time-is-it"]')

    [answer] = orjson.loads((await client.receive()).removeprefix("43/clock,7"))
    assert answer["ok"] and abs(answer["now"] - time.time()) < 60
    await client.disconnect()


async def test_the_documented_namespace_refuses_strangers(client):
    await client.open()
    await client.send("40/clock,")

    frame = await client.receive()
    assert orjson.loads(frame.removeprefix("44/clock,"))["data"]["code"] == "UNAUTHENTICATED"
    await client.disconnect()
