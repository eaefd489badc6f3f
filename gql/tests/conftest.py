"""Clients of GraphQL. Requests go through the real ASGI application; people and rooms are chat/tests/people.py's."""

from collections.abc import AsyncIterator, Callable

import httpx2
import pytest

from chat.models import User
from gql import execution, executor
from gql.tests.client import GraphQLClient, Socket
from project.asgi import application


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    """The application without a network; nobody is signed in."""
    transport = httpx2.ASGITransport(app=application)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@pytest.fixture
def as_user(http) -> Callable[[User | None], GraphQLClient]:
    """A function that gives a GraphQL client of the user; None for nobody."""

    def client(user: User | None) -> GraphQLClient:
        return GraphQLClient(http, user)

    return client


@pytest.fixture
async def open_socket() -> AsyncIterator[Callable[..., Socket]]:
    """A function that gives a graphql-transport-ws client of the user; all are closed afterwards."""
    opened: list[Socket] = []

    def open_one(user: User | None = None, **options) -> Socket:
        opened.append(Socket(application, user, **options))
        return opened[-1]

    yield open_one
    for socket in opened:
        await socket.disconnect()


@pytest.fixture
def executions(monkeypatch) -> list[object]:
    """The user of each execution for an event; None where it ran for nobody in particular."""
    seen: list[object] = []
    execute = executor.execute_operation

    async def counted(operation, context, root=None):
        if root is not None:
            seen.append(context.user)
        return await execute(operation, context, root)

    monkeypatch.setattr(execution, "execute_operation", counted)
    return seen
