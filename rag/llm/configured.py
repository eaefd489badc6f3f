"""The models that this installation has, in a chain; the extractive answerer where there is none."""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from weakref import WeakKeyDictionary

from django.conf import settings
from redis.asyncio import Redis

from rag.answering.extractive import ExtractiveModel
from rag.llm.addresses import KEY_VARIABLE
from rag.llm.chain import ModelChain
from rag.llm.endpoint import Endpoint, Limits
from rag.llm.guarded import GuardedModel
from rag.llm.seam import AnswerModel

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

ANTHROPIC = "https://api.anthropic.com"
_BLOCKS = {"blocks": True, "text": False, "ask": None}
REDIS_TIMEOUT_S = 1.0


class Choice(Protocol):
    """What is to be known of a model to ask it (`rag.answering.claim.ModelChoice`)."""

    @property
    def name(self) -> str: ...
    @property
    def endpoint(self) -> str: ...
    @property
    def key_variable(self) -> str: ...
    @property
    def sources(self) -> str: ...
    @property
    def caches(self) -> bool: ...
    @property
    def at_once(self) -> int: ...


@dataclass(slots=True)
class _OfLoop:
    """What holds connections, which belong to one event loop, by address and key."""

    redis: Redis
    clients: "dict[tuple[str, str], AsyncAnthropic]" = field(default_factory=dict)


_loops: "WeakKeyDictionary[asyncio.AbstractEventLoop, _OfLoop]" = WeakKeyDictionary()


def configured_model(
    choices: Sequence[Choice], *, metered: Callable[[AnswerModel], AnswerModel]
) -> AnswerModel:
    """What answers: the models in that order, or the extractive answerer where there are none.

    Call it on the event loop that will stream from it.

    Args:
        metered: makes of a model one whose every call is accounted for.
    """
    if not choices:
        return ExtractiveModel()
    return ModelChain([_model(choice, metered) for choice in choices])


def _model(choice: Choice, metered: Callable[[AnswerModel], AnswerModel]) -> AnswerModel:
    from rag.llm.anthropic import AnthropicModel  # takes a second to import: for nothing without a model

    address, key = _address_and_key(choice)
    blocks = _BLOCKS[choice.sources]
    if blocks is None and not address:
        blocks = True  # Anthropic's own server reads search results
    model = AnthropicModel(_client(address, key), choice.name, blocks=blocks, caches=choice.caches)
    limits = Limits(at_once=choice.at_once)
    endpoint = Endpoint(_of_loop().redis, address or ANTHROPIC, limits, prefix=settings.CHANNEL_PREFIX)
    return GuardedModel(metered(model), endpoint)


def _address_and_key(choice: Choice) -> tuple[str, str]:
    """The key of the settings goes to the server of the settings alone."""
    if not choice.endpoint:
        return settings.ANTHROPIC_BASE_URL, settings.ANTHROPIC_API_KEY
    fits = KEY_VARIABLE.match(
        choice.key_variable
    )  # again: a row may have been written by other ways than a form
    return choice.endpoint, os.environ.get(choice.key_variable, "") if fits else ""


def _of_loop() -> _OfLoop:
    loop = asyncio.get_running_loop()
    if loop not in _loops:
        redis = Redis.from_url(
            settings.REDIS_URL, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S
        )
        _loops[loop] = _OfLoop(redis)
    return _loops[loop]


def _client(address: str, key: str) -> "AsyncAnthropic":
    from rag.llm.anthropic import make_client

    clients = _of_loop().clients
    if (address, key) not in clients:
        clients[address, key] = make_client(api_key=key, base_url=address)
    return clients[address, key]


async def close_clients() -> None:
    """Close the connections that belong to the running loop."""
    held = _loops.pop(asyncio.get_running_loop(), None)
    if held is None:
        return
    for client in held.clients.values():
        await client.close()
    await held.redis.aclose()
