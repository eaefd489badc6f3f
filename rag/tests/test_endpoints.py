"""What all processes know of a server of language models: its places, and when it is left alone."""

import asyncio
import uuid
from contextlib import aclosing, suppress
from dataclasses import replace
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from redis.asyncio import Redis

from rag.answering.claim import ModelChoice
from rag.answering.prompts import DefaultTemplate, build_request
from rag.llm.addresses import validate_endpoint
from rag.llm.anthropic import system_of
from rag.llm.configured import _address_and_key
from rag.llm.endpoint import Endpoint, Limits
from rag.llm.guarded import GuardedModel
from rag.llm.scripted import ScriptedModel
from rag.llm.seam import AnswerError, Completion, FinalModelError, RetryableModelError, TextDelta, Usage
from rag.money.prices import Prices

DONE = (TextDelta("Yes."), Completion("end_turn", Usage(1, 1)))
DOWN = RetryableModelError("MODEL_UNREACHABLE", "No.")
# A pause is an hour unless a test is about its end: how long something takes decides nothing.
LIMITS = Limits(failures_that_open=3, first_pause_s=3600, longest_pause_s=36_000, longest_wait_s=0)


@pytest.fixture
async def redis(settings):
    client = Redis.from_url(settings.REDIS_URL)
    yield client
    await client.aclose()


@pytest.fixture
def endpoint(redis):
    address = uuid.uuid4().hex

    def of(**limits):
        return Endpoint(redis, address, replace(LIMITS, **limits))

    return of


async def ask(endpoint, *script):
    model = ScriptedModel(script)
    with suppress(AnswerError):
        async for _ in GuardedModel(model, endpoint).stream(None):
            pass
    return len(model.requests)


async def code_of(endpoint):
    with pytest.raises(AnswerError) as refusal:
        await endpoint.enter()
    return refusal.value.code


async def test_after_failures_in_a_row_nobody_asks_in_any_process(endpoint):
    first, second = endpoint(), endpoint()  # of two processes
    assert [await ask(first, DOWN) for _ in range(3)] == [1, 1, 1]
    assert await ask(second, *DONE) == 0
    with pytest.raises(FinalModelError, match="left alone for 3600 seconds"):
        await second.enter()


async def test_a_success_in_between_begins_the_count_anew(endpoint):
    server = endpoint()
    for step in (DOWN, DOWN, DONE, DOWN, DOWN):
        await ask(server, *(step if isinstance(step, tuple) else (step,)))
    assert await ask(server, *DONE) == 1


async def test_after_the_pause_one_call_finds_out_and_the_others_wait_for_it(endpoint):
    server = endpoint(first_pause_s=0)
    for _ in range(3):
        await ask(server, DOWN)
    probe = await server.enter()
    assert await code_of(server) == "MODEL_UNAVAILABLE"
    await probe.leave("worked")
    places = [await server.enter() for _ in range(3)]
    assert len(places) == 3


async def test_a_probe_that_fails_closes_it_again(endpoint):
    server = endpoint(first_pause_s=0)
    for _ in range(3):
        await ask(server, DOWN)
    assert await ask(endpoint(), DOWN) == 1
    assert await code_of(endpoint()) == "MODEL_UNAVAILABLE"


async def test_a_probe_that_says_nothing_lets_the_next_one_try(endpoint):
    server = endpoint(first_pause_s=0)
    for _ in range(3):
        await ask(server, DOWN)
    probe = await server.enter()
    await probe.leave("left")
    assert await ask(server, *DONE) == 1


@pytest.mark.parametrize(
    "error",
    [
        RetryableModelError("MODEL_RATE_LIMITED", "Slower."),
        FinalModelError("MODEL_ACCESS", "No."),
        FinalModelError("MODEL_REFUSED", "No.", refused=True),
    ],
)
async def test_what_says_nothing_of_the_server_closes_nothing(endpoint, error):
    server = endpoint()
    for _ in range(5):
        assert await ask(server, error) == 1


async def test_there_are_as_many_calls_at_once_as_places_of_all_processes(endpoint):
    first, second = endpoint(at_once=2), endpoint(at_once=2)
    held = await first.enter()
    await second.enter()
    assert await code_of(first) == await code_of(second) == "MODEL_BUSY"
    await held.leave("worked")
    await second.enter()


async def test_who_finds_no_place_waits_for_one(endpoint):
    server = endpoint(at_once=1, longest_wait_s=3600)
    held = await server.enter()
    waiting = asyncio.create_task(server.enter())
    done, _ = await asyncio.wait([waiting], timeout=0.3)
    assert not done
    await held.leave("worked")
    await waiting


async def test_places_of_a_process_that_died_come_free(endpoint):
    await endpoint(at_once=1, lease_s=0.001).enter()
    await endpoint(at_once=1, longest_wait_s=3600).enter()


async def test_a_reader_who_leaves_gives_the_place_back(endpoint):
    server = endpoint(at_once=1)
    model = GuardedModel(ScriptedModel([TextDelta("a"), 3600.0]), server)
    async with aclosing(model.stream(None)) as events:
        await anext(events)
    await server.enter()


async def test_without_redis_every_call_is_let_through():
    redis = Redis.from_url("redis://127.0.0.1:9")
    assert await ask(Endpoint(redis, "x", LIMITS), *DONE) == 1
    await redis.aclose()


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "ANTHROPIC_API_KEY", "LLM_KEY_", "LLM_KEY_A\n", "llm_key_a", "XLLM_KEY_A"]
)
async def test_only_variables_made_for_it_are_sent_as_a_key(monkeypatch, settings, name):
    """Whoever may edit models must not get at the secrets of the server."""
    settings.ANTHROPIC_API_KEY = "of the settings"
    monkeypatch.setenv(name, "secret")
    assert _address_and_key(choice(key_variable=name)) == ("http://127.0.0.1:9", "")


async def test_a_model_has_the_address_and_key_of_its_own_or_else_those_of_the_settings(
    monkeypatch, settings
):
    settings.ANTHROPIC_BASE_URL, settings.ANTHROPIC_API_KEY = "http://127.0.0.1:8", "of the settings"
    monkeypatch.setenv("LLM_KEY_VLLM", "own")
    assert _address_and_key(choice(key_variable="LLM_KEY_VLLM")) == ("http://127.0.0.1:9", "own")
    assert _address_and_key(choice()) == ("http://127.0.0.1:9", "")
    assert _address_and_key(choice(endpoint="")) == ("http://127.0.0.1:8", "of the settings")


def choice(**fields):
    given = {"endpoint": "http://127.0.0.1:9", "prices": Prices.of(Decimal(0), Decimal(0))}
    return ModelChoice("m", 100, **(given | fields))


@pytest.mark.parametrize("address", ["http://127.0.0.1:11434", "https://models.example/anthropic"])
def test_an_address_of_a_server_is_one(address):
    validate_endpoint(address)


@pytest.mark.parametrize(
    "address",
    ["ftp://a", "http://", "x", "http://u:p@a", "http://a?b=c", "http://a#b", "http://[::1", "http://a:0"],
)
def test_what_is_no_address_of_a_server_is_refused(address):
    with pytest.raises(ValidationError):
        validate_endpoint(address)


async def test_the_system_prompt_is_marked_for_the_cache_where_the_model_has_one():
    request = build_request("Q?", [], [], DefaultTemplate())
    assert system_of(request, cached=False) == request.system
    assert system_of(request, cached=True) == [
        {"type": "text", "text": request.system, "cache_control": {"type": "ephemeral"}}
    ]
