"""One run: a crowd of clients, senders among them, over a program; its traffic, its end, its verdict."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from project.tests.faults.graphql_client import GraphQLClient
from project.tests.faults.own_client import OwnClient
from project.tests.faults.program import Cast, Program
from project.tests.faults.senders import HttpTransport, Sender
from project.tests.faults.stock_clients import StockClient, StockClients
from project.tests.faults.verdict import judge, report

MESSAGES = int(os.environ.get("FAULT_MESSAGES", "1000"))
CLIENTS = int(os.environ.get("FAULT_CLIENTS", "14"))
PER_S = float(os.environ.get("FAULT_MESSAGES_PER_S", "250"))  # of all senders together
JOIN_TIMEOUT_S, SETTLE_TIMEOUT_S = 60.0, 90.0
QUIET_S = 1.0  # after the last event: what comes twice may come late
OWN_SENDERS, PEOPLE = 4, 6
Client = OwnClient | StockClient | GraphQLClient


@dataclass(frozen=True, slots=True)
class Traffic:
    """What all senders of a run together post, and how fast."""

    messages: int = MESSAGES
    per_s: float = PER_S
    text_characters: int = 100


class Run:
    """A crowd: own clients (four of them post), stock ones (one posts), one that polls, GraphQL subscribers; and one
    who posts by HTTP. `port` is where they connect to."""

    def __init__(
        self, program: Program, cast: Cast, stock: StockClients, *, port: int, traffic: Traffic
    ) -> None:
        self.program, self.cast, self.messages = program, cast, traffic.messages
        self.clients: list[Client] = []
        self.stock = stock
        self._http = HttpTransport(port, cast.tokens[5])
        self._tasks: list[asyncio.Task[None]] = []
        self._gather(port)
        posters: list[Any] = [*self.of(OwnClient)[:OWN_SENDERS], self.of(StockClient)[0]]
        each = traffic.messages // (len(posters) + 1)
        per_s = traffic.per_s / (len(posters) + 1)
        sender = partial(Sender, rooms=cast.rooms, per_s=per_s, text_characters=traffic.text_characters)
        self.senders = [sender(one.log.name, one, count=each) for one in posters]
        rest = traffic.messages - each * len(posters)
        self.senders.append(sender("http", self._http, count=rest, changes=False))

    def of(self, kind: type[Any]) -> list[Any]:
        """The clients of a kind."""
        return [client for client in self.clients if isinstance(client, kind)]

    def _gather(self, port: int) -> None:
        cast = self.cast
        own = max(OWN_SENDERS, CLIENTS // 2)
        graphql, polling = 2, 1
        stock = max(1, CLIENTS - own - graphql - polling)
        for n in range(own):
            self.clients.append(OwnClient(f"own {n}", port, cast.tokens[n % 5], cast.rooms))
        for n in range(stock):
            token = cast.tokens[(n + 4) % PEOPLE]
            self.clients.append(self.stock.follow(f"stock {n}", port, token, cast.rooms, "websocket"))
        self.clients.append(self.stock.follow("polling", port, cast.tokens[1], cast.rooms, "polling"))
        for n in range(graphql):
            self.clients.append(GraphQLClient(f"graphql {n}", port, cast.tokens[n], cast.rooms))

    # ------------------------------------------------------------------------------------------- its course

    async def start(self) -> None:
        """Connect everybody, wait until all are in their rooms, then begin to post."""
        self._start(self.stock.run())
        for client in self.clients:
            if not isinstance(client, StockClient):
                self._start(client.run())
        async with asyncio.timeout(JOIN_TIMEOUT_S):
            await self.until(lambda: all(client.joined() for client in self.clients))
        self._sending = [self._start(sender.run()) for sender in self.senders]

    async def sent(self, share: float) -> None:
        """Wait until this share of the posts is answered."""
        await self.until(lambda: sum(sender.settled for sender in self.senders) >= share * self.messages)

    def texts_seen(self, status: str) -> list[str]:
        """The texts of messages of this status that the first client saw."""
        seen = [event.content for event in self.clients[0].log.events]
        return [content.text for content in seen if content.status == status]

    async def settle(self) -> None:
        """Wait until all is posted, and everybody has caught up with the database or will not."""
        async with asyncio.timeout(SETTLE_TIMEOUT_S):
            await self.until(lambda: all(task.done() for task in self._sending))
        try:
            async with asyncio.timeout(SETTLE_TIMEOUT_S):
                while not await self._is_level():
                    await asyncio.sleep(0.2)
                    self._check_tasks()
        except TimeoutError:
            return  # the verdict tells who lacks what
        await asyncio.sleep(QUIET_S)

    async def _is_level(self) -> bool:
        versions = await asyncio.to_thread(self.program.versions, self.cast)
        stored = await asyncio.to_thread(self.program.stored, self.cast)
        if any(message.content.status == "streaming" for message in stored):
            return False
        return all(
            client.log.position(room) >= version
            for client in self.clients
            for room, version in versions.items()
        )

    async def stop(self) -> None:
        """Disconnect everybody."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.close()

    def _start(self, life: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self._tasks.append(asyncio.create_task(life))
        return self._tasks[-1]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds, while all goes well with the crowd itself."""
        while not condition():
            await asyncio.sleep(0.02)
            self._check_tasks()

    def _check_tasks(self) -> None:
        for task in self._tasks:
            if task.done() and not task.cancelled():
                task.result()  # a bug of the tests is told as such

    # ------------------------------------------------------------------------------------------- its result

    def assert_kept(self) -> None:
        """Fail with everything in which the delivery guarantee was not kept, and what the run was like."""
        stored = self.program.stored(self.cast)
        sent = [post for sender in self.senders for post in sender.sent]
        changed = [change for sender in self.senders for change in sender.changed]
        problems = judge(stored, [client.log for client in self.clients], sent, changed)
        assert len(sent) >= self.messages
        assert not problems, f"the delivery guarantee was not kept\n{report(problems)}\n{self}"

    def __str__(self) -> str:
        """What the run was like, in figures."""
        refusals = Counter(str(refusal)[:100] for client in self.clients for refusal in client.refusals)
        unsettled = Counter(
            f"{sender.name}: {answer['error']['code'] if answer else 'no answer'}"
            for sender in self.senders
            for post in sender.sent
            for answer in post.answers[:-1]
        )
        return (
            f"{len(self.clients)} clients, {self.messages} posts, {self.tries_again} sent again: {dict(unsettled)},"
            f" HTTP without an answer: {dict(self._http.losses)},"
            f" late acknowledgements: {sum(client.late_acks for client in self.of(OwnClient))};"
            f" {self.reconnects} reconnects, {self.recoveries} of them recovered;"
            f" refusals: {dict(refusals) or 'none'}"
        )

    @property
    def reconnects(self) -> int:
        """How often connections came back, all clients together."""
        return sum(client.connects - 1 for client in self.clients)

    @property
    def tries_again(self) -> int:
        """How many posts took more than one try."""
        return sum(len(post.answers) > 1 for sender in self.senders for post in sender.sent)

    @property
    def recoveries(self) -> int:
        """How many sessions of stock clients were recovered."""
        return sum(client.recovered[True] for client in self.of(StockClient))


@asynccontextmanager
async def crowd(
    program: Program, node: str, modules: Path, *, port: int | None = None, **traffic: Any
) -> AsyncIterator[Run]:
    """A run in mid-traffic; at the end of the block the traffic is awaited, and everybody's catching up.

    Args:
        port: where the clients connect to, if not to the program itself.
        traffic: the fields of `Traffic`.
    """
    cast = await asyncio.to_thread(
        program.cast, people=PEOPLE + 1
    )  # the last is a member who does not take part
    stock = StockClients(node, modules)
    run = Run(program, cast, stock, port=port or program.port, traffic=Traffic(**traffic))
    try:
        await run.start()
        yield run
        await run.settle()
    finally:
        await run.stop()
