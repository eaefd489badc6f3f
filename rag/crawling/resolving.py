"""From a name to its addresses, within a deadline that the system's resolver does not know."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeAlias

from rag.crawling.connection import Deadline

Resolver: TypeAlias = Callable[[str, int], Sequence[str]]


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host, in the system's order. Blocks for as long as the system waits for name servers."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def resolve_until(deadline: Deadline, host: str, port: int, resolver: Resolver) -> Sequence[str]:
    """What `resolver` gives or raises. It cannot be stopped, so a thread that keeps nothing alive waits for it.

    Raises:
        TimeoutError: the deadline came first.
    """
    answers: SimpleQueue[Sequence[str] | OSError | UnicodeError] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolver(host, port))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    Thread(target=ask, name="resolver", daemon=True).start()
    try:
        answer = answers.get(timeout=deadline.remaining_s())
    except Empty:
        raise TimeoutError("the name servers did not answer") from None
    if isinstance(answer, OSError | UnicodeError):
        raise answer
    return answer
