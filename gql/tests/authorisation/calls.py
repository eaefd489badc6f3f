"""Calls any operation as somebody, over the real ASGI application, and looks at what came of it."""

import asyncio
import json
from typing import Any

import httpx2
from django.db import connection

from chat.models import User
from gql.tests.authorisation.operations import UPLOAD, Operation
from gql.tests.client import access_token

TIMEOUT_S = 60
Reply = dict[str, Any]


class Person:
    """Somebody who calls; `user` None is nobody. The token is taken once, so that calls write nothing themselves."""

    def __init__(self, http: httpx2.AsyncClient, headers: dict[str, str]) -> None:
        self._http = http
        self._headers = headers

    @classmethod
    async def sign_in(cls, http: httpx2.AsyncClient, user: User | None) -> "Person":
        token = None if user is None else await access_token(user)
        return cls(http, {} if token is None else {"authorization": f"Bearer {token}"})

    async def call(self, operation: Operation, variables: dict[str, Any]) -> Reply:
        """The response; of a subscription the first one, which must be its last.

        Raises:
            TimeoutError: a subscription was let in.
        """
        if operation.root == "subscription":
            return await self.follow(operation.text, variables)
        return await self.query(operation.text, variables)

    async def follow(self, text: str, variables: dict[str, Any] | None = None) -> Reply:
        """The first response of a subscription, which must be its last; raises TimeoutError as `call` does."""
        return await asyncio.wait_for(self._subscribe(text, variables or {}), TIMEOUT_S)

    async def query(self, text: str, variables: dict[str, Any] | None = None) -> Reply:
        sent, places = _without_files(variables or {})
        request = {"query": text, "variables": sent}
        if places:
            form = {"operations": json.dumps(request), "map": json.dumps({"0": places})}
            file = {"0": ("note.txt", b"A note.", "text/plain")}
            response = await self._http.post("/graphql", data=form, files=file, headers=self._headers)
        else:
            response = await self._http.post("/graphql", json=request, headers=self._headers)
        return response.json()

    async def _subscribe(self, text: str, variables: dict[str, Any]) -> Reply:
        headers = self._headers | {"accept": "text/event-stream"}
        request = {"query": text, "variables": variables}
        response = await self._http.post("/graphql", json=request, headers=headers)
        if not response.headers["content-type"].startswith("text/event-stream"):
            return response.json()
        lines = response.text.splitlines()
        [first] = [line.removeprefix("data: ") for line in lines if line.startswith("data: {")]
        return json.loads(first)


def _without_files(variables: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The variables with null for each file, and the paths of those."""
    places: list[str] = []

    def strip(value: Any, path: str) -> Any:
        if value is UPLOAD:
            places.append(path)
            return None
        if isinstance(value, dict):
            return {key: strip(child, f"{path}.{key}") for key, child in value.items()}
        return value

    return strip(variables, "variables"), places


def said(reply: Reply) -> Reply:
    """What the caller can tell from a reply: all but how much was used meanwhile."""
    kept = ("requested", "actual")
    cost = reply.get("extensions", {}).get("cost", {})
    return {**reply, "extensions": {name: cost.get(name) for name in kept}}


def codes(reply: Reply) -> list[str]:
    return [error["extensions"]["code"] for error in reply.get("errors", ())]


def fingerprint() -> dict[str, str]:
    """A hash of the rows of every table, by its name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        hashes = [
            f"SELECT '{one}', md5(string_agg(r::text, '|' ORDER BY r::text)) FROM \"{one}\" r"
            for one in tables
        ]
        cursor.execute(" UNION ALL ".join(hashes))
        return dict(cursor.fetchall())
