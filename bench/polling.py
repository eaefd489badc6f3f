"""What it costs a polling client that its request lands in another web process than the one that holds its session.

Two web processes on one database and one Valkey, each with a port of its own, so that a request's process is known. The
session lives in the first. Requests go to either in turn: a poll whose answer waits already, a POST of one event, and
an event with its acknowledgement over a WebSocket that took the session over.
"""

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import websockets

from bench.figures import percentile, print_table
from bench.program import ROOT, Program, running

ROUNDS = 300
WARM_UP = 20
EVENT = '["leave-room","1"]'  # answered without a look at the database
Times = dict[str, list[float]]


def main() -> None:
    """Print the table."""
    with running() as program:
        program.settle()
        with another_web_process(program) as url:
            times = asyncio.run(measure(program, url))
    rows = [
        [name, *(f"{percentile(values, percent):.2f}" for percent in (50, 95, 99))]
        for name, values in times.items()
    ]
    print_table(f"Polling, ms, {ROUNDS} requests each", ["", "median", "p95", "p99"], rows)


async def measure(program: Program, other_url: str) -> Times:
    """Milliseconds of each request, by what it was and where it landed."""
    times: Times = {}
    places = {"local": program.url, "forwarded": other_url}
    async with httpx2.AsyncClient(timeout=30) as http:
        sid = await _connect(http, program)
        for number in range(WARM_UP + ROUNDS):
            for place, url in places.items():
                address = f"{url}/socket.io/?EIO=4&transport=polling&sid={sid}"
                post = await _timed(http.post(address, content=f"42{number}{EVENT}"))
                await asyncio.sleep(0.003)  # the answer waits
                poll = await _timed(http.get(address))
                if number >= WARM_UP:
                    times.setdefault(f"POST, {place}", []).append(post)
                    times.setdefault(f"poll, {place}", []).append(poll)
        for place, url in places.items():
            times[f"WebSocket event to its ack, {place}"] = await _over_websocket(http, program, url)
    return dict(sorted(times.items()))


async def _connect(http: httpx2.AsyncClient, program: Program) -> str:
    """The id of a session in the first process that is connected to the chat."""
    base = f"{program.url}/socket.io/?EIO=4&transport=polling"
    sid: str = json.loads((await http.get(base)).text[1:])["sid"]
    await http.post(f"{base}&sid={sid}", content="40" + json.dumps({"token": program.token()}))
    assert (await http.get(f"{base}&sid={sid}")).text.startswith("40")
    return sid


async def _timed(request: "asyncio.Future[httpx2.Response]") -> float:
    begun = time.perf_counter()
    answer = await request
    took = (time.perf_counter() - begun) * 1000
    assert answer.status_code == 200, answer.text
    return took


async def _over_websocket(http: httpx2.AsyncClient, program: Program, url: str) -> list[float]:
    sid = await _connect(http, program)
    address = url.replace("http", "ws", 1) + f"/socket.io/?EIO=4&transport=websocket&sid={sid}"
    times: list[float] = []
    async with websockets.connect(address) as websocket:
        await websocket.send("2probe")
        assert await websocket.recv() == "3probe"
        await websocket.send("5")
        for number in range(WARM_UP + ROUNDS):
            begun = time.perf_counter()
            await websocket.send(f"42{number}{EVENT}")
            while not str(await websocket.recv()).startswith(f"43{number}["):
                pass
            times.append((time.perf_counter() - begun) * 1000)
    return times[WARM_UP:]


@contextmanager
def another_web_process(program: Program) -> Iterator[str]:
    """One more web process on the program's database and Valkey; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener, program.log.open("ab") as log:
        descriptor = listener.fileno()
        process = subprocess.Popen(
            [sys.executable, "-m", "project.web", "--fd", str(descriptor)],
            cwd=ROOT,
            env=program.environment,
            pass_fds=[descriptor],
            stdout=log,
            stderr=log,
        )
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        httpx2.get(f"{url}/health/live", timeout=60).raise_for_status()  # waits in the socket's queue
        yield url
    finally:
        process.terminate()
        process.wait(timeout=15)


if __name__ == "__main__":
    main()
