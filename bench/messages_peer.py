"""A Messages API on loopback that waits a fixed time before its first word, and notes what the wait really was."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

Json = dict[str, Any]
Send = Callable[[Json], Awaitable[None]]
Receive = Callable[[], Awaitable[Json]]
WORDS = "Parley answers from the documents of the team [1]. ".split(" ")


class MessagesPeer:
    """An ASGI application; `url` is set once it serves."""

    def __init__(self, delay_s: float) -> None:
        self.url = ""
        self.delays_s: list[float] = []  # of each message, from its request read to its first words written
        self.last_request: Json = {}
        self._delay_s = delay_s

    async def __call__(self, scope: Json, receive: Receive, send: Send) -> None:
        """Answer `POST /v1/messages`; tokens are counted by nobody (404)."""
        body = await _read(receive)
        begun = time.perf_counter()
        if scope["path"] != "/v1/messages":
            error = {"type": "error", "error": {"type": "not_found_error", "message": "not here"}}
            await _start(send, 404, b"application/json")
            await send({"type": "http.response.body", "body": json.dumps(error).encode()})
            return
        self.last_request = json.loads(body)
        await asyncio.sleep(self._delay_s)
        await _start(send, 200, b"text/event-stream")
        opening, first, *rest = _events(self.last_request["model"])
        await _chunk(send, opening)
        await _chunk(send, first)
        self.delays_s.append(time.perf_counter() - begun)
        for event in rest:
            await _chunk(send, event)
        await send({"type": "http.response.body", "body": b""})


@contextmanager
def serving(delay_s: float) -> Iterator[MessagesPeer]:
    """The peer in a thread with a loop of its own, so that nobody's work delays it."""
    peer = MessagesPeer(delay_s)
    server = uvicorn.Server(uvicorn.Config(peer, lifespan="off", log_config=None, access_log=False))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield peer
        finally:
            server.should_exit = True
            thread.join()


def _events(model: str) -> list[list[Json]]:
    """What is written at once: the opening, the first words, each further word, the end."""
    usage = {"input_tokens": 100, "output_tokens": 1}
    message: Json = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": []}
    message |= {"stop_reason": None, "stop_sequence": None, "usage": usage}
    opening: list[Json] = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    ]
    words: list[list[Json]] = [
        [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": f"{word} "}}]
        for word in WORDS
    ]
    end: list[Json] = [
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": len(WORDS)},
        },
        {"type": "message_stop"},
    ]
    return [opening, *words, end]


async def _read(receive: Receive) -> bytes:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _start(send: Send, status: int, media_type: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", media_type)]})


async def _chunk(send: Send, events: list[Json]) -> None:
    data = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    await send({"type": "http.response.body", "body": data.encode(), "more_body": True})
