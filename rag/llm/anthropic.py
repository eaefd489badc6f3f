"""Anthropic's Messages API, and any server that speaks it, behind the seam.

What the SDK (2.12) does not say by itself is said here: a stream cut short is an error although the SDK raises none, a
dropped one raises `httpx2` errors, a corrupt one `JSONDecodeError`, and an error inside a stream comes with status 200.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from json import JSONDecodeError
from typing import Any, Literal

import anthropic
import httpx2
from anthropic import AsyncAnthropic, Omit
from anthropic.types import MessageParam, RawMessageStreamEvent, TextBlockParam, TextCitation

from rag.llm.failures import INTERRUPTED, problem_of_connection, problem_of_status
from rag.llm.seam import (
    AnswerRequest,
    CitationDelta,
    Completion,
    FinalModelError,
    ModelEvent,
    RetryableModelError,
    TextDelta,
    Usage,
)

TIMEOUT = httpx2.Timeout(90.0, connect=5.0)  # seconds between two chunks; the API sends pings much more often
PROBE_TIMEOUT_S = 2.0
_PROBE_TEXT = "The quick brown fox jumps over the lazy dog. " * 20
_TRUNCATING = frozenset({"max_tokens", "model_context_window_exceeded"})


def make_client(*, api_key: str, base_url: str) -> AsyncAnthropic:
    """A client without retries of its own. An empty key sends none; an empty base URL is Anthropic's."""
    return AsyncAnthropic(
        api_key=api_key or "none",  # without any the SDK would go looking for credentials on the machine
        base_url=base_url or "https://api.anthropic.com",
        default_headers=None if api_key else {"Authorization": Omit()},  # type: ignore[dict-item]
        max_retries=0,
        timeout=TIMEOUT,
    )


class AnthropicModel:
    """One model of one server.

    Args:
        blocks: whether sources go out as search results, which is what native citations need. None: find out,
            since some servers (llama-server) pass over blocks they do not know without a word.
        caches: whether the server is asked to keep the system prompt, which all questions have in common.
    """

    def __init__(
        self, client: AsyncAnthropic, name: str, *, blocks: bool | None = True, caches: bool = False
    ) -> None:
        self.name = name
        self._client = client
        self._blocks = blocks
        self._caches = caches

    async def stream(self, request: AnswerRequest) -> AsyncGenerator[ModelEvent, None]:
        """Ask, and yield the answer as it comes. Closing this closes the request to the server."""
        if self._blocks is None:
            self._blocks = await serves_blocks(self._client, self.name)
        with _problems_as_answer_errors():
            stream = await self._client.messages.create(
                model=self.name,
                max_tokens=request.max_output_tokens,
                system=system_of(request, cached=self._caches),
                messages=messages_of(request, blocks=self._blocks),
                stream=True,
            )
            async with stream:
                async for event in _read(stream):
                    yield event


def system_of(request: AnswerRequest, *, cached: bool) -> str | list[TextBlockParam]:
    """The system prompt in the API's form; it is the same for all questions of an assistant."""
    if not cached:
        return request.system
    return [{"type": "text", "text": request.system, "cache_control": {"type": "ephemeral"}}]


def messages_of(request: AnswerRequest, *, blocks: bool) -> list[MessageParam]:
    """The conversation in the API's form: earlier turns, then the sources and the prompt in one user turn."""
    messages = [_turn(turn.role, turn.text) for turn in request.history]
    content: list[Any] = []
    if blocks:
        content.extend(
            {
                "type": "search_result",
                "source": source.url,
                "title": source.title,
                "content": [{"type": "text", "text": segment} for segment in source.segments],
                "citations": {"enabled": True},
            }
            for source in request.sources
        )
    if request.fenced_sources and not (blocks and request.sources):
        cached = {"cache_control": {"type": "ephemeral"}} if request.cache_sources else {}
        content.append({"type": "text", "text": request.fenced_sources, **cached})
    content.append({"type": "text", "text": request.prompt})
    return [*messages, {"role": "user", "content": content}]


def _turn(role: Literal["user", "assistant"], text: str) -> MessageParam:
    return {"role": "user", "content": text} if role == "user" else {"role": "assistant", "content": text}


async def _read(stream: AsyncIterator[RawMessageStreamEvent]) -> AsyncGenerator[ModelEvent, None]:
    """The stream's events in the seam's terms; a block's citations always come after its text."""
    usage = Usage()
    stop_reason: str | None = None
    citations: list[CitationDelta] = []
    async for event in stream:
        if event.type == "message_start":
            usage = _add_usage(usage, event.message.usage)
            yield usage
        elif event.type == "content_block_delta" and event.delta.type == "text_delta":
            if event.delta.text:
                yield TextDelta(event.delta.text)
        elif event.type == "content_block_delta" and event.delta.type == "citations_delta":
            citations.append(_citation(event.delta.citation))
        elif event.type == "content_block_stop":
            for citation in citations:
                yield citation
            citations.clear()
        elif event.type == "message_delta":
            stop_reason = event.delta.stop_reason or stop_reason
            usage = _add_usage(usage, event.usage)
            yield usage
    for citation in citations:
        yield citation
    if stop_reason is None:
        raise RetryableModelError(*INTERRUPTED)
    if stop_reason == "refusal":
        raise FinalModelError(
            "MODEL_REFUSED", "The language model declined to answer this question.", refused=True
        )
    yield Completion(stop_reason, usage, truncated=stop_reason in _TRUNCATING)


def _citation(citation: TextCitation) -> CitationDelta:
    if citation.type != "search_result_location":
        return CitationDelta(0, citation.cited_text)
    return CitationDelta(citation.search_result_index + 1, citation.cited_text)


def _add_usage(usage: Usage, reported: Any) -> Usage:
    """`usage` with what the server reported, whose figures are cumulative and partly absent."""
    names = {
        "input_tokens": "input_tokens",
        "output_tokens": "output_tokens",
        "cache_write_tokens": "cache_creation_input_tokens",
        "cache_read_tokens": "cache_read_input_tokens",
    }
    figures = {ours: getattr(reported, theirs, None) for ours, theirs in names.items()}
    return replace(usage, **{name: figure for name, figure in figures.items() if figure is not None})


@contextmanager
def _problems_as_answer_errors() -> Iterator[None]:
    try:
        yield
    except anthropic.APIStatusError as error:
        raise problem_of_status(error.status_code, error.type, error.response.headers) from error
    except anthropic.APIConnectionError as error:
        raise problem_of_connection() from error
    except (
        httpx2.HTTPError,
        JSONDecodeError,
        UnicodeDecodeError,
        anthropic.APIResponseValidationError,
    ) as error:
        raise RetryableModelError(*INTERRUPTED) from error
    except AttributeError as error:
        # The SDK builds its events from any JSON without checking; a field that is missing shows here.
        raise RetryableModelError(*INTERRUPTED) from error


async def serves_blocks(client: AsyncAnthropic, model: str) -> bool:
    """Whether the server reads search results, judged by its count of tokens: not if text counts and they do not.

    A server that cannot count, or not in time, is taken for a complete one.
    """
    short, text, block = await asyncio.gather(
        _count(client, model, {"type": "text", "text": "."}),
        _count(client, model, {"type": "text", "text": _PROBE_TEXT}),
        _count(
            client,
            model,
            {
                "type": "search_result",
                "source": "probe",
                "title": "probe",
                "content": [{"type": "text", "text": _PROBE_TEXT}],
                "citations": {"enabled": True},
            },
        ),
    )
    if short is None or text is None or block is None:
        return True
    return not (text > short + 50 and block <= short + 50)


async def _count(client: AsyncAnthropic, model: str, block: Any) -> int | None:
    try:
        counted = await client.messages.count_tokens(
            model=model,
            messages=[{"role": "user", "content": [block, {"type": "text", "text": "."}]}],
            timeout=PROBE_TIMEOUT_S,
        )
        return int(counted.input_tokens)
    except (anthropic.APIError, httpx2.HTTPError, JSONDecodeError, AttributeError, TypeError, ValueError):
        return None
