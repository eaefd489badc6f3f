"""Senders: they post with client ids of their own, and again with the same one until they are answered.

A few of the posts must be refused, some messages are edited or deleted afterwards.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any, Protocol

import httpx2

from project.tests.faults.own_client import ACK_TIMEOUT_S, NoAnswer
from project.tests.faults.verdict import UNSURE, Changed, Sent, Wire

WINDOW = 8  # posts of one sender that wait for their acknowledgements at a time
TRY_AGAIN_S = 0.25
EDIT_EVERY, DELETE_EVERY, REFUSED_EVERY = 12, 30, 50
_SEND = """mutation($input: SendMessageInput!) { sendMessage(input: $input) {
  id roomId version text status deletedAt } }"""


class Transport(Protocol):
    """How a sender reaches the program."""

    async def request(self, *event: Any) -> Wire:
        """The acknowledgement of a Socket.IO event. Raises NoAnswer."""


class Sender:
    """Posts `count` messages, alternating between the rooms, `per_s` a second if it can.

    Args:
        changes: also edit and delete some of them.
        text_characters: how long each text is, and a few more.
    """

    def __init__(
        self,
        name: str,
        transport: Transport,
        rooms: list[str],
        *,
        count: int,
        per_s: float,
        changes: bool = True,
        text_characters: int = 100,
    ) -> None:
        self.name = name
        self.sent: list[Sent] = []
        self.changed: list[Changed] = []
        self._transport = transport
        self._rooms = rooms
        self._count = count
        self._pause_s = 1 / per_s
        self._changes = changes
        self._padding = "." * text_characters
        self._window = asyncio.Semaphore(WINDOW)

    @property
    def settled(self) -> int:
        """How many posts are answered for good."""
        return sum(post.is_settled for post in self.sent)

    async def run(self) -> None:
        """Post everything, and return when all of it is answered."""
        async with asyncio.TaskGroup() as tasks:
            for number, post in enumerate(self._posts()):
                await self._window.acquire()
                self.sent.append(post)
                tasks.create_task(self._deliver(number, post))
                await asyncio.sleep(self._pause_s)

    async def ask(self, text: str, room: str) -> Wire:
        """Post one more message; its acknowledgement."""
        post = Sent(self.name, f"{self.name}-extra-{len(self.sent)}", room, text)
        self.sent.append(post)
        await self._insist(post.answers, "send-message", room, {"text": text, "clientId": post.client_id})
        answer = post.answers[-1]
        assert answer is not None
        return answer

    def _posts(self) -> Iterator[Sent]:
        for number in range(self._count):
            is_refused = number % REFUSED_EVERY == REFUSED_EVERY - 1
            text = " " if is_refused else f"number {number} of {self.name} {self._padding}"
            yield Sent(self.name, f"{self.name}-{number}", self._rooms[number % len(self._rooms)], text)

    async def _deliver(self, number: int, post: Sent) -> None:
        try:
            content = {"text": post.text, "clientId": post.client_id}
            await self._insist(post.answers, "send-message", post.room_id, content)
            assert post.is_settled
        finally:
            self._window.release()
        if not (self._changes and post.accepted):
            return
        message_id = post.accepted[-1]["id"]
        if number % EDIT_EVERY == 0:
            change = Changed(self.name, message_id, f"edited: {post.text}")
            self.changed.append(change)
            await self._insist(change.answers, "edit-message", message_id, change.text)
        elif number % DELETE_EVERY == 7:
            change = Changed(self.name, message_id, None)
            self.changed.append(change)
            await self._insist(change.answers, "delete-message", message_id)

    async def _insist(self, answers: list[Wire | None], *event: Any) -> None:
        """Ask until there is an answer that settles it; every try leaves one in `answers`."""
        while True:
            try:
                answer: Wire | None = await self._transport.request(*event)
            except NoAnswer:
                answer = None
            answers.append(answer)
            if answer is not None and (answer["ok"] or answer["error"]["code"] not in UNSURE):
                return
            await asyncio.sleep((answer or {}).get("error", {}).get("retryAfter", TRY_AGAIN_S))


class HttpTransport:
    """Posts by GraphQL over HTTP; answers in the form of Socket.IO's acknowledgements."""

    def __init__(self, port: int, token: str) -> None:
        self.losses: Counter[str] = Counter()  # requests without an answer, by the kind of error
        self._client = httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=ACK_TIMEOUT_S,
            trust_env=False,
        )

    async def request(self, *event: Any) -> Wire:
        """Only `send-message`. Raises NoAnswer."""
        name, room, content = event
        assert name == "send-message"
        body = {"query": _SEND, "variables": {"input": {"roomId": room, **content}}}
        try:
            reply = await self._client.post("/graphql", json=body)
            answer = reply.json()
        except (httpx2.HTTPError, ValueError) as error:
            self.losses[type(error).__name__] += 1
            raise NoAnswer from error
        if answer.get("errors"):
            return {"ok": False, "error": answer["errors"][0]["extensions"]}
        return {"ok": True, "message": answer["data"]["sendMessage"]}

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()
