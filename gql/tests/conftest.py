"""People, rooms and clients that the tests of GraphQL start from. Requests go through the real ASGI application."""

from collections.abc import AsyncIterator, Callable

import httpx2
import pytest

from chat.models import Membership, Room, User
from gql.tests.client import GraphQLClient, Socket
from project.asgi import application


@pytest.fixture
def ada(db) -> User:
    return User.objects.create_user(
        "ada", "ada@example.org", "correct horse", display_name="Ada", is_superuser=True, is_staff=True
    )


@pytest.fixture
def grace(db) -> User:
    return User.objects.create_user("grace", "grace@example.org", "correct horse", display_name="Grace")


@pytest.fixture
def guest(db) -> User:
    return User.objects.create_user("guest", password="correct horse", is_guest=True)


@pytest.fixture
def parley(db) -> User:
    return User.objects.create(username="parley", display_name="Parley", is_bot=True, bot_task="rag.answer")


@pytest.fixture
def general(ada, grace) -> Room:
    room = Room.objects.create(name="general", kind=Room.Kind.PUBLIC)
    Membership.objects.create(room=room, user=ada, role=Membership.Role.OWNER)
    Membership.objects.create(room=room, user=grace)
    return room


@pytest.fixture
def private(ada) -> Room:
    room = Room.objects.create(name="engineering", kind=Room.Kind.PRIVATE)
    Membership.objects.create(room=room, user=ada, role=Membership.Role.OWNER)
    return room


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
