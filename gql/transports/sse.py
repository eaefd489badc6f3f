"""GraphQL over Server-Sent Events, distinct connections mode: one request, one stream of results."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from django.conf import settings

from chat.access.authentication import BAD_TOKEN
from chat.errors import TooManyConnections, Unauthenticated
from gql.context import Context
from gql.errors import format_domain_error
from gql.execution import Response, stream
from gql.requests.operations import Operation
from gql.subscriptions.watch import watch_caller

HEARTBEAT_S = 12.0  # below the idle time-outs of common proxies

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"private, no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]
_COMPLETE = b"event: complete\ndata: \n\n"
_COMMENT = b":\n\n"
_streams: Counter[int | None] = Counter()  # of this process, by user; None for nobody


def _next(response: Response) -> bytes:
    return b"event: next\ndata: " + orjson.dumps(response) + b"\n\n"


@contextmanager
def counted_stream(context: Context) -> Iterator[None]:
    """Count a stream of the user in this process. Enter it before anything is awaited for the stream: of those that
    are asked for together, each must see the others.

    Raises:
        TooManyConnections: there are settings.SOCKET_MAX_CONNECTIONS_PER_USER.
    """
    user_id = context.user.pk if context.user is not None else None
    most = settings.SOCKET_MAX_CONNECTIONS_PER_USER
    if settings.RATE_LIMITS and user_id is not None and _streams[user_id] >= most:
        raise TooManyConnections(f"You have {most} event streams. Close some of them first.")
    _streams[user_id] += 1
    try:
        yield
    finally:
        _streams[user_id] -= 1
        if not _streams[user_id]:
            del _streams[user_id]


async def send_events(
    operation: Operation | None, ready: list[Response], context: Context, receive: Receive, send: Send
) -> None:
    """Send what is ready, then the operation's results, then `complete`. Ends when client or proof does."""
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    lock = asyncio.Lock()  # a heartbeat must not fall into the middle of an event

    async def write(chunk: bytes) -> None:
        async with lock:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})

    await write(_COMMENT + b"".join(map(_next, ready)))
    if operation is not None:
        await _send_results(operation, context, receive, write)
    await send({"type": "http.response.body", "body": _COMPLETE})


async def _send_results(
    operation: Operation, context: Context, receive: Receive, write: Callable[[bytes], Awaitable[None]]
) -> None:
    lost = asyncio.Event()
    results = asyncio.create_task(_write_results(operation, context, write))
    others = [
        asyncio.create_task(_beat(write)),
        asyncio.create_task(_until_disconnect(receive)),
        asyncio.create_task(lost.wait()),
    ]
    try:
        if context.caller is None:
            await asyncio.wait([results, *others], return_when=asyncio.FIRST_COMPLETED)
        else:
            with watch_caller(context.caller, lost.set):
                await asyncio.wait([results, *others], return_when=asyncio.FIRST_COMPLETED)
        if results.done():
            await results
    finally:
        for task in (results, *others):
            task.cancel()
        await asyncio.gather(results, *others, return_exceptions=True)
    if lost.is_set():
        await write(_next({"errors": [format_domain_error(Unauthenticated(BAD_TOKEN))], "data": None}))


async def _write_results(
    operation: Operation, context: Context, write: Callable[[bytes], Awaitable[None]]
) -> None:
    async for response in stream(operation, context):
        await write(_next(response))


async def _beat(write: Callable[[bytes], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_S)
        await write(_COMMENT)


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
