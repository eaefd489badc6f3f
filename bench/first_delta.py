"""From a question in a room to the first words of its answer, as a stock Socket.IO client sees it.

First with the extractive answerer. Then with a Messages API on loopback that waits a known time: what Parley adds to
that wait and to the search is its overhead, set against the bare SDK with the same request to the same server, one
call after each question.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator

from anthropic import AsyncAnthropic

from bench.figures import percentile, print_table
from bench.messages_peer import MessagesPeer, serving
from bench.program import Program, running
from bench.room import Asked, in_room

QUESTIONS = 30
WARM_UP = 3  # the first answers load the embedder and open connections
PEER_DELAY_S = 0.2
TEXTS = (
    "How do I set an API key?",
    "Where does Parley keep its data?",
    "What happens when a worker is killed during an answer?",
    "Which settings change how many workers run?",
    "How are citations checked?",
    "What may a guest see?",
    "How does a client catch up after it was away?",
    "Which database does Parley use?",
    "How do I run Parley in production?",
    "What is the version of a room for?",
)


def main() -> None:
    """Print both tables."""
    asyncio.run(measure())


async def measure() -> None:
    """Ask with the extractive answerer, then with the loopback API."""
    with running() as program:
        program.settle()
        asked = [question async for question in _ask(program)]
        inside = _inside(program, asked)
    print_table(
        f"Question to first delta, extractive answerer, ms, {len(asked)} questions",
        ["", "median", "p95", "min", "max", "target"],
        [
            _row("question to first delta", [a.first_delta_s * 1000 for a in asked], "< 300"),
            _row("  question to its ack", [a.acknowledged_s * 1000 for a in asked]),
            _row("  of it: search", [search for search, _ in inside]),
            _row("question to whole answer", [a.final_s * 1000 for a in asked]),
        ],
    )
    with serving(PEER_DELAY_S) as peer, running(ANTHROPIC_BASE_URL=peer.url) as program:
        program.settle()
        await _against_peer(program, peer)


async def _against_peer(program: Program, peer: MessagesPeer) -> None:
    asked: list[Asked] = []
    waits: list[float] = []
    bare: list[float] = []
    client = AsyncAnthropic(api_key="none", base_url=peer.url, max_retries=0)
    async for question in _ask(program):
        asked.append(question)
        waits.append(peer.delays_s[-1] * 1000)
        bare.append(await _bare_call(client, peer) - peer.delays_s[-1] * 1000)
    searches = [search for search, _ in _inside(program, asked)]
    totals = [a.first_delta_s * 1000 for a in asked]
    overheads = [total - wait - search for total, wait, search in zip(totals, waits, searches, strict=True)]
    beyond = [overhead - alone for overhead, alone in zip(overheads, bare, strict=True)]
    print_table(
        f"Question to first delta, Messages API on loopback that waits {PEER_DELAY_S * 1000:.0f} ms, ms, "
        f"{len(asked)} questions",
        ["", "median", "p95", "min", "max", "target"],
        [
            _row("question to first delta", totals),
            _row("  of it: the API's own wait", waits),
            _row("  of it: search", searches),
            _row("  the rest: overhead", overheads, "< 50"),
            _row("the bare SDK's overhead", bare),
            _row("overhead beyond the bare SDK", beyond),
        ],
        f"Overhead, Parley / bare SDK: {statistics.median(overheads) / statistics.median(bare):.1f}",
    )


async def _ask(program: Program) -> AsyncIterator[Asked]:
    """Ask one question after the other, the warm-up first; yields all after it."""
    async with in_room(program) as room:
        for place in range(WARM_UP + QUESTIONS):
            asked = await room.ask(TEXTS[place % len(TEXTS)])
            if place >= WARM_UP:
                yield asked


async def _bare_call(client: AsyncAnthropic, peer: MessagesPeer) -> float:
    """Milliseconds from the call to the first text, for the request that the peer got last."""
    request = dict(peer.last_request)
    begun = time.perf_counter()
    took = 0.0
    async for event in await client.messages.create(**(request | {"stream": True})):
        if not took and event.type == "content_block_delta":
            took = (time.perf_counter() - begun) * 1000
    return took


def _inside(program: Program, asked: list[Asked]) -> list[tuple[float, float]]:
    """What the answers' rows say, ms: the search, and from the job's begin to its first delta."""
    rows = program.rows(
        "select message_id, search_ms, first_delta_ms from rag_answer where message_id = any(%s)",
        [[int(a.message_id) for a in asked]],
    )
    by_message = {str(message): (search or 0.0, first or 0.0) for message, search, first in rows}
    return [by_message[a.message_id] for a in asked]


def _row(name: str, values: list[float], target: str = "") -> list[str]:
    figures = (statistics.median(values), percentile(values, 95), min(values), max(values))
    return [name, *(f"{figure:.1f}" for figure in figures), target]


if __name__ == "__main__":
    main()
