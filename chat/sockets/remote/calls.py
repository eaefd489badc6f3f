"""Calls from one web process to another, each with one answer, over their lines (chat/sockets/remote/line.py).

A call never hangs: it fails when the other process has gone or is silent, or when a line broke, which may have cost the
call or its answer. What a process does for another one is cancelled when that one has gone, or does not wait any more.
"""

import asyncio
import itertools
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from chat.cancellation import is_cancelled
from chat.sockets.remote.line import SILENCE_S, Line
from chat.sockets.remote.wire import (
    ADDRESS_BYTES,
    Alive,
    Answer,
    Broke,
    Call,
    Cancel,
    decode_message,
    encode_message,
)

log = logging.getLogger(__name__)
ALIVE_INTERVAL_S = 1.0
CALLS_MAX = 40_000  # a session has a poll and a POST at most
NO_METHOD, FAILED = "no-method", "failed"
Handler = Callable[[Call], Awaitable[Any]]


class CallRefused(Exception):
    """The other process answered, but not with what was asked for."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ProcessGone(Exception):
    """Nobody is at that address, or it is silent."""


class LineDown(Exception):
    """Redis cannot be reached, or this process has too many calls under way."""


class _Neighbour:
    """A process with which something is under way: when it was heard last, and over which of its lines."""

    __slots__ = ("heard_at", "line")

    def __init__(self, heard_at: float, line: int | None) -> None:
        self.heard_at = heard_at
        self.line = line


class Calls:
    """The calls from and to the running event loop. `handlers` do what others ask for, by the name of the method.

    A handler raises CallRefused with a word for the caller. `on_end` is called at the end of the event loop.
    """

    def __init__(self, handlers: Mapping[str, Handler], *, on_end: Callable[[], None]) -> None:
        self.address = secrets.token_urlsafe(ADDRESS_BYTES)
        self._handlers = handlers
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._line = Line(self.address, self)
        self._line_number = 1
        self._numbers = itertools.count(1)
        self._open: dict[int, tuple[str, asyncio.Future[Any]]] = {}
        self._served: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._neighbours: dict[str, _Neighbour] = {}
        self._to_tell: set[str] = set()
        self._watcher: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Become reachable, if Redis is."""
        if self._watcher is None:
            self._watcher = self._loop.create_task(self._watch())
        await self._line.open()

    async def call(self, address: str, method: str, *arguments: Any) -> Any:
        """What the other process answers. If the caller is cancelled, so is the handler there.

        Raises:
            CallRefused, ProcessGone, LineDown
        """
        await self.open()
        if not self._line.is_up or self._line.is_congested or len(self._open) >= CALLS_MAX:
            raise LineDown
        number = next(self._numbers)
        future: asyncio.Future[Any] = self._loop.create_future()
        self._open[number] = (address, future)
        self._note(address)
        self._line.send(
            address, encode_message(Call(self.address, self._line_number, number, method, list(arguments)))
        )
        try:
            return await future
        except asyncio.CancelledError:
            self._line.send(address, encode_message(Cancel(self.address, self._line_number, number)))
            raise
        finally:
            del self._open[number]

    # ---------------------------------------------------------------------------------------- what arrives

    def taken(self, data: bytes) -> None:
        """A message arrived."""
        try:
            message = decode_message(data)
        except ValueError as error:
            log.warning("%s", error)
            return
        self._hear(message.sender, message.line, has_broken=isinstance(message, Broke))
        match message:
            case Call(sender, _, number) if (sender, number) not in self._served:
                self._begin(message)
            case Answer():
                self._resolve(message)
            case Cancel(sender, _, number) if (sender, number) in self._served:
                self._served[sender, number].cancel()

    def _hear(self, sender: str, line: int, *, has_broken: bool) -> None:
        """Note that a neighbour lives. What was under way with it over an earlier line of its may wait for ever.

        Until it is heard for the first time its line is not known; only it can say then that this is another one.
        """
        neighbour = self._neighbours.get(sender)
        if neighbour is None:
            return
        if neighbour.line != line and (neighbour.line is not None or has_broken):
            self.gone(sender)
        else:
            neighbour.heard_at, neighbour.line = self._loop.time(), line

    def _resolve(self, answer: Answer) -> None:
        address, future = self._open.get(answer.number, ("", None))
        if future is None or future.done() or address != answer.sender:
            return
        if answer.refusal:
            future.set_exception(CallRefused(answer.refusal))
        else:
            future.set_result(answer.value)

    def _begin(self, call: Call) -> None:
        self._note(call.sender, call.line)
        key = (call.sender, call.number)
        task = self._served[key] = self._loop.create_task(self._serve(call))
        task.add_done_callback(lambda _: self._served.pop(key))

    async def _serve(self, call: Call) -> None:
        try:
            handler = self._handlers.get(call.method)
            if handler is None:
                raise CallRefused(NO_METHOD)
            answer = self._encode_answer(call, "", await handler(call))
        except CallRefused as refused:
            answer = self._encode_answer(call, refused.reason)
        except Exception:  # a bug, or arguments that no process sends: the caller must not wait for ever
            log.exception("the call %r of another web process failed", call.method)
            answer = self._encode_answer(call, FAILED)
        self._line.send(call.sender, answer)

    def _encode_answer(self, call: Call, refusal: str, value: Any = None) -> bytes:
        return encode_message(Answer(self.address, self._line_number, call.number, refusal, value))

    # ------------------------------------------------------------------------------------ who is still there

    def gone(self, address: str) -> None:
        """Nobody is at that address any more: what is under way with it ends."""
        self._neighbours.pop(address, None)
        self._end(ProcessGone, lambda other: other == address)

    def broken(self) -> None:
        """Messages may have been lost: what is under way with anybody ends. The others are told, for they may wait."""
        self._line_number += 1
        self._to_tell |= set(self._neighbours)
        self._neighbours.clear()
        self._end(LineDown, lambda other: True)

    def _end(self, error: type[Exception], concerns: Callable[[str], bool]) -> None:
        for address, future in self._open.values():
            if concerns(address) and not future.done():
                future.set_exception(error())
        for (sender, _), task in self._served.items():
            if concerns(sender):
                task.cancel()

    def _note(self, address: str, line: int | None = None) -> None:
        if address not in self._neighbours:
            self._neighbours[address] = _Neighbour(self._loop.time(), line)

    async def _watch(self) -> None:
        last = self._loop.time()
        try:
            while not is_cancelled():
                await asyncio.sleep(ALIVE_INTERVAL_S)
                now = self._loop.time()
                self._check_neighbours(now, late_s=now - last - ALIVE_INTERVAL_S)
                last = now
        finally:
            self._on_end()

    def _check_neighbours(self, now: float, *, late_s: float) -> None:
        """Tell those with whom something is under way, and this process itself, that it lives; miss who is silent.

        Nobody is to blame for being silent while this event loop stood still.
        """
        busy = {address for address, _ in self._open.values()} | {sender for sender, _ in self._served}
        for address, neighbour in list(self._neighbours.items()):
            neighbour.heard_at += late_s
            if address not in busy:
                del self._neighbours[address]
            elif now - neighbour.heard_at > SILENCE_S:
                log.warning("a web process is silent; its sessions are given up here")
                self.gone(address)
        if self._line.is_up:
            alive = encode_message(Alive(self.address, self._line_number))
            for address in {self.address, *self._neighbours} - self._to_tell:
                self._line.send(address, alive)
            broke = encode_message(Broke(self.address, self._line_number))
            for address in self._to_tell:
                self._line.send(address, broke)
            self._to_tell.clear()
