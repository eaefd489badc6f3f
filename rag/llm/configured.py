"""The models that this installation has: those of Anthropic's API, or the extractive answerer where there is no key."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from rag.answering.extractive import ExtractiveModel
from rag.llm.chain import ModelChain
from rag.llm.seam import AnswerModel

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

# A client holds connections, which belong to one event loop: one client per loop, so that they are used
# again.
_clients: "WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, str], AsyncAnthropic]]" = (
    WeakKeyDictionary()
)


def configured_model(
    names: Sequence[str], *, api_key: str, base_url: str, metered: Callable[[AnswerModel], AnswerModel]
) -> AnswerModel:
    """What answers: the models in that order, or the extractive answerer where neither key nor base URL is set.

    Call it on the event loop that will stream from it.

    Args:
        metered: makes of a model one whose every call is accounted for.
    """
    if not names or not (api_key or base_url):
        return ExtractiveModel()
    from rag.llm.anthropic import AnthropicModel  # takes a second to import: for nothing without a key

    client = _client(api_key, base_url)
    blocks = True if not base_url else None  # Anthropic's own server reads search results; others are asked
    return ModelChain([metered(AnthropicModel(client, name, blocks=blocks)) for name in names])


def _client(api_key: str, base_url: str) -> "AsyncAnthropic":
    from rag.llm.anthropic import make_client

    clients = _clients.setdefault(asyncio.get_running_loop(), {})
    if (api_key, base_url) not in clients:
        clients[api_key, base_url] = make_client(api_key=api_key, base_url=base_url)
    return clients[api_key, base_url]


async def close_clients() -> None:
    """Close the connections that belong to the running loop."""
    for client in _clients.pop(asyncio.get_running_loop(), {}).values():
        await client.close()
