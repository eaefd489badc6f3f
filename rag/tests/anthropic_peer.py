"""A loopback server that speaks Anthropic's Messages API well or badly, as a script says; standard library only.

    async with AnthropicPeer([block("Hello")]) as peer:
        model = AnthropicModel(make_client(api_key="k", base_url=peer.url), "claude-test")

Event shapes are those of the streaming documentation of the API, version 2026-10-21. It runs on the test's own
event loop, records what it was sent, and knows when a client hung up on it.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pause:
    """Say nothing for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Drop:
    """Cut the connection in the middle of the response."""


@dataclass(frozen=True, slots=True)
class Truncate:
    """End the response properly, but before the message is complete."""


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes on the stream as they are."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Refuse:
    """An HTTP error instead of a stream."""

    status: int
    error_type: str = ""
    headers: dict[str, str] = field(default_factory=dict)


Step = Json | Pause | Drop | Truncate | Raw | Refuse
Script = Sequence[Step | list[Step]]


def block(*deltas: str, cites: Sequence[tuple[int, str]] = (), index: int = 0) -> list[Step]:
    """A content block of text; `cites` are (search result, 0-based; words), sent behind the text."""
    steps: list[Step] = [
        {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
    ]
    steps += [_delta(index, {"type": "text_delta", "text": text}) for text in deltas]
    for number, words in cites:
        location = {"source": "s", "title": "t", "start_block_index": 0, "end_block_index": 1}
        citation = {"type": "search_result_location", "search_result_index": number, "cited_text": words}
        steps.append(_delta(index, {"type": "citations_delta", "citation": citation | location}))
    return [*steps, {"type": "content_block_stop", "index": index}]


def thinking(text: str) -> list[Step]:
    """A block of reasoning, which nobody should see."""
    started = {"type": "thinking", "thinking": "", "signature": ""}
    return [
        {"type": "content_block_start", "index": 0, "content_block": started},
        _delta(0, {"type": "thinking_delta", "thinking": text}),
        {"type": "content_block_stop", "index": 0},
    ]


def stop(reason: str = "end_turn", output_tokens: int = 7) -> list[Step]:
    """The end of a message."""
    delta = {"stop_reason": reason, "stop_sequence": None}
    usage = {"output_tokens": output_tokens}
    return [{"type": "message_delta", "delta": delta, "usage": usage}, {"type": "message_stop"}]


def mid_stream_error(error_type: str) -> Json:
    """An error event inside a stream whose status was 200."""
    return {"type": "error", "error": {"type": error_type, "message": "as scripted"}, "request_id": "req_1"}


def _delta(index: int, delta: Json) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def _start(model: str) -> Json:
    usage = {
        "input_tokens": 120,
        "cache_creation_input_tokens": 100,
        "cache_read_input_tokens": 50,
        "output_tokens": 1,
    }
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": []}
    stops = {"stop_reason": None, "stop_sequence": None}
    return {"type": "message_start", "message": message | stops | {"usage": usage}}


class AnthropicPeer:
    """Answers each request with the next script, the last one again and again.

    A script without a `message_stop` of its own is ended by `stop()`, unless it drops, truncates or refuses.
    `count` gives the tokens of a content block for `count_tokens`, None being a server without it. `port` 0 is any.
    """

    def __init__(self, *scripts: Script, count: Any = None, port: int = 0) -> None:
        self._port = port
        self.requests: list[Json] = []
        self.headers: list[dict[str, str]] = []
        self.hung_up = asyncio.Event()
        self._scripts = scripts
        self._count = count
        self._handlers: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for handler in self._handlers:
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handler = asyncio.create_task(self._serve(reader, writer))
        self._handlers.add(handler)
        handler.add_done_callback(self._handlers.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
            body = json.loads(await reader.readexactly(int(headers["content-length"])))
            if "count_tokens" in head[0]:
                await self._serve_count(writer, body)
                return
            script = self._scripts[min(len(self.requests), len(self._scripts) - 1)]
            self.requests.append(body)
            self.headers.append(headers)
            play = asyncio.create_task(self._play(writer, _flatten(script), body["model"]))
            watch = asyncio.create_task(reader.read(1))  # returns b"" as soon as the client hangs up
            await asyncio.wait((play, watch), return_when=asyncio.FIRST_COMPLETED)
            if not play.done():
                self.hung_up.set()
            for task in (play, watch):
                task.cancel()
            await asyncio.gather(play, watch, return_exceptions=True)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _serve_count(self, writer: asyncio.StreamWriter, body: Json) -> None:
        if self._count is None:
            await _respond(
                writer, 404, {"type": "error", "error": {"type": "not_found_error", "message": ""}}, {}
            )
        else:
            await _respond(writer, 200, {"input_tokens": self._count(body["messages"][0]["content"][0])}, {})

    async def _play(self, writer: asyncio.StreamWriter, steps: list[Step], model: str) -> None:
        if steps and isinstance(steps[0], Refuse):
            error = {"type": steps[0].error_type, "message": "as scripted"}
            body = {"type": "error", "error": error} if steps[0].error_type else {}
            await _respond(writer, steps[0].status, body, steps[0].headers)
            return
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n")
        writer.write(b"request-id: req_1\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n")
        for step in [_start(model), *steps]:
            match step:
                case Pause():
                    await asyncio.sleep(step.seconds)
                case Drop():
                    writer.transport.abort()
                    return
                case Truncate():
                    break
                case Raw():
                    await _chunk(writer, step.data)
                case dict():
                    await _chunk(writer, f"event: {step['type']}\ndata: {json.dumps(step)}\n\n".encode())
        writer.write(b"0\r\n\r\n")
        await writer.drain()


def _flatten(script: Script) -> list[Step]:
    steps: list[Step] = []
    for item in script:
        steps.extend(item if isinstance(item, list) else [item])
    ends = any(isinstance(step, Drop | Truncate | Refuse | Raw) for step in steps)
    if not ends and not any(
        isinstance(step, dict) and step["type"] in ("message_stop", "error") for step in steps
    ):
        steps += stop()
    return steps


async def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"%x\r\n%s\r\n" % (len(data), data))
    await writer.drain()


async def _respond(writer: asyncio.StreamWriter, status: int, body: Json, headers: dict[str, str]) -> None:
    data = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Scripted", "content-type: application/json", f"content-length: {len(data)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "connection: close", "", ""]).encode() + data)
    await writer.drain()
