import asyncio
from contextlib import aclosing
from datetime import UTC, datetime

import pytest

from rag.answering.prompts import DefaultTemplate, HistoryItem, build_request
from rag.llm.anthropic import AnthropicModel, make_client
from rag.llm.failures import problem_of_status, retry_after_s
from rag.llm.seam import (
    CitationDelta,
    Completion,
    FinalModelError,
    RetryableModelError,
    TextDelta,
    Usage,
)
from rag.tests.anthropic_peer import (
    AnthropicPeer,
    Drop,
    Pause,
    Raw,
    Refuse,
    Truncate,
    block,
    mid_stream_error,
    stop,
    thinking,
)
from rag.tests.passages import PASSAGES

REQUEST = build_request("How many days?", PASSAGES, [HistoryItem("ada", "Hi", False)], DefaultTemplate())


async def ask(*script, api_key="secret", blocks=True, count=None):
    """What the model yields for one request, and the peer that was asked."""
    async with AnthropicPeer(script, count=count) as peer:
        async with make_client(api_key=api_key, base_url=peer.url) as client:
            model = AnthropicModel(client, "claude-test", blocks=blocks)
            return [event async for event in model.stream(REQUEST)], peer


def words(events):
    return [event for event in events if isinstance(event, TextDelta | CitationDelta)]


async def test_text_streams_and_usage_is_counted():
    events, _ = await ask(block("You get ", "25 days."))

    assert words(events) == [TextDelta("You get "), TextDelta("25 days.")]
    assert events[0] == Usage(120, 1, cache_write_tokens=100, cache_read_tokens=50)
    assert events[-1] == Completion("end_turn", Usage(120, 7, 100, 50))


async def test_a_blocks_citations_follow_its_text():
    events, _ = await ask(block("25 days.", cites=[(0, "Employees get 25 days")]), block(" More.", index=1))

    assert words(events) == [
        TextDelta("25 days."),
        CitationDelta(1, "Employees get 25 days"),
        TextDelta(" More."),
    ]


async def test_passages_go_out_as_search_results_sentence_by_sentence():
    _, peer = await ask(block("x"))

    [request] = peer.requests
    greeting, last = request["messages"]
    assert greeting == {"role": "user", "content": "ada: Hi"}
    assert [part["type"] for part in last["content"]] == ["search_result"] * 3 + ["text"]
    assert last["content"][0]["citations"] == {"enabled": True}
    assert last["content"][0]["content"][0] == {"type": "text", "text": "Leave policy. "}
    assert last["content"][-1]["text"].endswith("How many days?")
    assert request["stream"] is True and request["max_tokens"] == REQUEST.max_output_tokens


async def test_the_key_is_sent_and_nothing_where_there_is_none(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "of-somebody-else")

    _, with_key = await ask(block("x"))
    _, without_key = await ask(block("x"), api_key="")

    assert with_key.headers[0]["authorization"] == "Bearer secret"
    assert "authorization" not in without_key.headers[0] and "x-api-key" not in without_key.headers[0]


async def test_reasoning_is_not_passed_on():
    events, _ = await ask(thinking("Let me see"), block("25 days."))

    assert words(events) == [TextDelta("25 days.")]


@pytest.mark.parametrize("reason", ["max_tokens", "model_context_window_exceeded"])
async def test_a_length_limit_is_said(reason):
    events, _ = await ask(block("You get"), stop(reason))

    assert events[-1].truncated and events[-1].stop_reason == reason


async def test_a_refusal_is_final():
    with pytest.raises(FinalModelError) as raised:
        await ask(stop("refusal"))

    assert raised.value.refused and raised.value.code == "MODEL_REFUSED"


@pytest.mark.parametrize(
    "script",
    [
        (block("You get"), Truncate()),
        (block("You get"), Drop()),
        (Drop(),),
        (block("You get"), Raw(b"event: content_block_delta\ndata: {not json\n\n")),
        (Raw(b"event: content_block_delta\ndata: {\"type\": \"content_block_delta\"}\n\n"),),
        (Raw(b"event: message_delta\ndata: [1]\n\n"),),
        (Raw(b"event: content_block_delta\ndata: \xff\xfe\n\n"),),
        (Raw(b"<html>hello</html>"),),
    ],
    ids=["truncated", "dropped", "dropped at once", "no json", "no delta", "a list", "no utf-8", "html"],
)  # fmt: skip
async def test_a_broken_stream_can_be_tried_again(script):
    with pytest.raises(RetryableModelError) as raised:
        await ask(*script)

    assert raised.value.code == "MODEL_INTERRUPTED"


async def test_an_error_inside_the_stream_is_known_by_its_type():
    with pytest.raises(RetryableModelError) as raised:
        await ask(block("You"), mid_stream_error("overloaded_error"))
    assert raised.value.code == "MODEL_OVERLOADED"

    with pytest.raises(FinalModelError):
        await ask(mid_stream_error("invalid_request_error"))


@pytest.mark.parametrize(
    ("refusal", "error", "code"),
    [
        (Refuse(529, "overloaded_error"), RetryableModelError, "MODEL_OVERLOADED"),
        (Refuse(429, "rate_limit_error"), RetryableModelError, "MODEL_RATE_LIMITED"),
        (Refuse(500, "api_error"), RetryableModelError, "MODEL_UNAVAILABLE"),
        (Refuse(502), RetryableModelError, "MODEL_UNAVAILABLE"),
        (Refuse(401, "authentication_error"), FinalModelError, "MODEL_ACCESS"),
        (Refuse(404, "not_found_error"), FinalModelError, "MODEL_NOT_FOUND"),
        (Refuse(413, "request_too_large"), FinalModelError, "MODEL_REQUEST_TOO_LARGE"),
        (Refuse(400, "invalid_request_error"), FinalModelError, "MODEL_REQUEST"),
    ],
)
async def test_an_http_error_is_sorted(refusal, error, code):
    with pytest.raises(error) as raised:
        await ask(refusal)

    assert raised.value.code == code


async def test_retry_after_comes_with_the_rate_limit_and_the_sdk_does_not_retry():
    async with AnthropicPeer([Refuse(429, "rate_limit_error", {"retry-after": "7"})]) as peer:
        async with make_client(api_key="k", base_url=peer.url) as client:
            with pytest.raises(RetryableModelError) as raised:
                async for _ in AnthropicModel(client, "m").stream(REQUEST):
                    pass

    assert raised.value.retry_after_s == 7
    assert len(peer.requests) == 1


async def test_a_server_that_is_not_there_can_be_tried_again():
    async with make_client(api_key="k", base_url="http://127.0.0.1:9") as client:
        with pytest.raises(RetryableModelError) as raised:
            async for _ in AnthropicModel(client, "m").stream(REQUEST):
                pass

    assert raised.value.code == "MODEL_UNREACHABLE"


@pytest.mark.parametrize("way", ["close", "cancel"])
async def test_giving_up_on_the_answer_hangs_up_on_the_server(way):
    async with AnthropicPeer([block("You get"), Pause(30)]) as peer:
        async with make_client(api_key="k", base_url=peer.url) as client:
            first = asyncio.Event()

            async def read():
                async with aclosing(AnthropicModel(client, "m").stream(REQUEST)) as events:
                    async for event in events:
                        if isinstance(event, TextDelta):
                            first.set()
                            if way == "close":
                                break

            reading = asyncio.create_task(read())
            await asyncio.wait_for(first.wait(), 60)
            if way == "cancel":
                reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

            await asyncio.wait_for(peer.hung_up.wait(), 60)


def count_all(part):
    return len(str(part)) // 4


def count_text_only(part):
    return len(part.get("text", "")) // 4


@pytest.mark.parametrize(
    ("count", "sent_as"),
    [
        (None, "search_result"),
        (count_all, "search_result"),
        (count_text_only, "text"),
        (lambda _: 12, "search_result"),
    ],
    ids=["cannot count", "reads blocks", "passes over blocks", "counts anything as 12"],
)
async def test_a_server_that_passes_over_search_results_gets_the_passages_as_text(count, sent_as):
    _, peer = await ask(block("x"), blocks=None, count=count)

    first = peer.requests[0]["messages"][-1]["content"][0]
    assert first["type"] == sent_as
    assert "Employees get 25 days" in str(first)


def test_retry_after_is_read_in_each_form():
    now = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)

    assert retry_after_s({"retry-after": "1.5"}) == 1.5
    assert retry_after_s({"retry-after-ms": "250"}) == 0.25
    assert retry_after_s({"retry-after": "Sun, 22 Nov 2026 12:00:30 GMT"}, now=now) == 30
    assert retry_after_s({"retry-after": "Sun, 22 Nov 2026 11:00:00 GMT"}, now=now) == 0
    for nonsense in ({}, {"retry-after": "soon"}, {"retry-after": "nan"}, {"retry-after": "inf"}):
        assert retry_after_s(nonsense) is None


def test_an_unknown_status_is_sorted_by_its_class():
    assert isinstance(problem_of_status(599, None, {}), RetryableModelError)
    assert isinstance(problem_of_status(418, "teapot_error", {}), FinalModelError)
