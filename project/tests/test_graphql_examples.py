"""The examples of docs/graphql-examples.md, run from above to below against a server: each answers as it says."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from rag.actions import create_collection

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = settings.BASE_DIR / "docs/graphql-examples.md"
EXACT = {"code", "__typename", "status", "username", "text", "filename", "sizeBytes"}
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """A command, and what it prints: the kind of the block that follows it ("" if none does) and its text."""

    command: str
    kind: str
    output: str


def examples(blocks: list[tuple[str, str]]) -> Iterator[Example]:
    for place, (kind, text) in enumerate(blocks):
        if kind == "sh":
            following = blocks[place + 1] if place + 1 < len(blocks) else ("", "")
            yield Example(text, *(following if following[0] in ("json", "text") else ("", "")))


class Shell:
    """One session after another in a folder; what a command sets is there for the next."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self._folder = folder
        self._given = variables
        self._environment = {**os.environ, **variables}

    def _start(self, command: str) -> subprocess.Popen[str]:
        for (
            name,
            value,
        ) in self._given.items():  # an assignment on a line of its own is the reader's to change
            command = re.sub(rf"^{name}=\S+$|^{name}='.*'$", f"{name}='{value}'", command, flags=re.MULTILINE)
        script = f"set -ae\n{command}\nenv -0 > environment\n"
        return subprocess.Popen(
            ["sh", "-c", script],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, command: str) -> str:
        """What it prints until it ends."""
        process = self._start(command)
        printed, _ = process.communicate(timeout=60)
        assert process.returncode == 0, (command, printed)
        entries = (self._folder / "environment").read_text().split("\0")
        self._environment = dict(entry.split("=", 1) for entry in entries if entry)
        return printed

    def first_line(self, command: str, beginning: str) -> str:
        """The first line of its output that begins so; the command, which would go on, is ended then."""
        process = self._start(command)
        assert process.stdout is not None
        try:
            return next(line for line in process.stdout if line.startswith(beginning))
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def shape(value: Any) -> Any:
    """What is the same each time: names of members, kinds of values, what EXACT names, of a list the first element."""
    if isinstance(value, dict):
        return {name: one if name in EXACT else shape(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value[:1]]
    return type(value).__name__


def answer_in(printed: str) -> Any:
    answer = json.loads(printed[printed.index("{") :])
    answer.pop("extensions", None)
    return answer


def test_every_example_answers_as_the_page_says(
    parley_server, node_path, graphql_node_dir, ada, general, tmp_path
):
    blocks = _FENCE.findall(PAGE.read_text())
    [listener] = [text for kind, text in blocks if kind == "js"]
    (tmp_path / "listen.mjs").write_text(listener)
    (tmp_path / "node_modules").symlink_to(graphql_node_dir / "node_modules")
    collection = create_collection(ada, name="Parley")
    own = {"PARLEY": parley_server, "PASSWORD": "correct horse", "ROOM": str(general.pk)}
    shell = Shell(tmp_path, own | {"COLLECTION": str(collection.pk)})

    for example in examples(blocks):
        if example.kind == "text":
            [expected] = [line for line in example.output.splitlines() if "{" in line]
            printed = shell.first_line(example.command, expected.partition("{")[0] + "{")
        else:
            printed, expected = shell.run(example.command), example.output
        if example.kind:
            assert shape(answer_in(printed)) == shape(answer_in(expected)), (example.command, printed)

    assert {message.text for message in general.messages.exclude(kind="system")} == {
        "Otters sleep at noon.",
        "The diary",
    }
    assert collection.documents.get().title == "otters"
