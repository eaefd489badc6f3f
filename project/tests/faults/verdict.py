"""What the delivery guarantee says of a run: pure functions of what clients saw, senders were told, and is stored.

Versions and ids are those of the wire. An empty list of problems means that the guarantee held.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Wire = dict[str, Any]
NEW = "new-message"
# Refusals after which a sender does not know whether the post was stored: it sends again with the same client id.
UNSURE = frozenset({"UNAVAILABLE", "INTERNAL", "RATE_LIMITED"})
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Content:
    """What a message says at one version."""

    text: str
    status: str
    deleted: bool


@dataclass(frozen=True, slots=True)
class Event:
    """A `new-message` or `message-updated` as a client got it."""

    name: str
    room_id: str
    message_id: str
    version: int
    content: Content


@dataclass(frozen=True, slots=True)
class Stored:
    """A message in its final state, as the database holds it. `client_id` is empty for what no person posted."""

    message_id: str
    room_id: str
    posted_version: int
    version: int
    client_id: str
    content: Content


@dataclass(slots=True)
class ClientLog:
    """What one client got, in the order of arrival. `joined` has the version at which it first joined each room."""

    name: str
    joined: dict[str, int] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    highest: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, message: Wire) -> None:
        """Write down an event; `message` is the wire form of Socket.IO."""
        content = Content(message["text"], message["status"], message["deletedAt"] is not None)
        event = Event(name, message["roomId"], message["id"], message["version"], content)
        self.events.append(event)
        self.highest[event.room_id] = max(event.version, self.position(event.room_id))

    def join(self, room_id: str, version: int) -> None:
        """Write down that the live feed of the room began at this version; only the first time counts."""
        self.joined.setdefault(room_id, version)

    def position(self, room_id: str) -> int:
        """The highest version it saw of the room: what it sends as `since`."""
        return self.highest.get(room_id, self.joined.get(room_id, 0))


@dataclass(slots=True)
class Sent:
    """A post as its sender knows it: one entry of `answers` for each try, None where no acknowledgement came."""

    sender: str
    client_id: str
    room_id: str
    text: str
    answers: list[Wire | None] = field(default_factory=list)

    @property
    def accepted(self) -> list[Wire]:
        """The messages of the acknowledgements `{ok: true, message}`."""
        return [answer["message"] for answer in self.answers if answer and answer["ok"]]

    @property
    def is_refused(self) -> bool:
        """Every try was answered with a refusal that is final."""
        return bool(self.answers) and all(map(_is_final_refusal, self.answers))

    @property
    def is_settled(self) -> bool:
        """The last try was answered, one way or the other."""
        return bool(self.accepted) or (bool(self.answers) and _is_final_refusal(self.answers[-1]))


@dataclass(slots=True)
class Changed:
    """An edit (to `text`) or a deletion (`text` is None) as its sender knows it."""

    sender: str
    message_id: str
    text: str | None
    answers: list[Wire | None] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Problem:
    """`what` happened to `whom`, with each case."""

    what: str
    whom: str
    cases: Sequence[str]

    def __str__(self) -> str:
        shown = ", ".join(self.cases[:_SHOWN])
        more = f" and {len(self.cases) - _SHOWN} more" if len(self.cases) > _SHOWN else ""
        return f"{self.whom}: {len(self.cases)} {self.what}: {shown}{more}"


def report(problems: Iterable[Problem]) -> str:
    """A line for each problem; clients that share one share the line."""
    shared: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for problem in problems:
        shared[problem.what, tuple(problem.cases)].append(problem.whom)
    return "\n".join(str(Problem(what, ", ".join(whom), cases)) for (what, cases), whom in shared.items())


def _is_final_refusal(answer: Wire | None) -> bool:
    return answer is not None and not answer["ok"] and answer["error"]["code"] not in UNSURE


def _problems(what: str, whom: str, cases: Iterable[str]) -> Iterator[Problem]:
    found = list(cases)
    if found:
        yield Problem(what, whom, found)


def judge(
    stored: Sequence[Stored],
    clients: Iterable[ClientLog],
    sent: Sequence[Sent],
    changed: Iterable[Changed] = (),
) -> list[Problem]:
    """Everything in which a run fell short of the guarantee."""
    by_id = {message.message_id: message for message in stored}
    found = list(_problems("posted out of the order of ids", "database", _posted_out_of_order(stored)))
    for log in clients:
        found += judge_client(by_id, log)
    found += judge_posts(stored, sent)
    for change in changed:
        found += judge_change(by_id, change)
    return found


def _posted_out_of_order(stored: Sequence[Stored]) -> Iterator[str]:
    """Clients order messages by id: within a room that must be the order of posting."""
    last: dict[str, int] = {}
    for message in sorted(stored, key=lambda one: one.posted_version):
        if int(message.message_id) < last.get(message.room_id, 0):
            yield f"message {message.message_id} in room {message.room_id}"
        last[message.room_id] = int(message.message_id)


def judge_client(by_id: Mapping[str, Stored], log: ClientLog) -> Iterator[Problem]:
    """The stream of one client as delivered: complete, each version once, ascending, and what is stored."""
    counts = Counter((event.message_id, event.version) for event in log.events)
    due = [
        one for one in by_id.values() if one.room_id in log.joined and one.version > log.joined[one.room_id]
    ]
    lost = [one for one in due if (one.message_id, one.version) not in counts]
    yield from _problems("lost", log.name, (_case(one.message_id, one.version) for one in lost))
    yield from _problems(
        "doubled", log.name, (f"{_case(*key)} {count} times" for key, count in counts.items() if count > 1)
    )
    yield from _problems("out of order", log.name, _disorder(log.events))
    yield from _problems("told under the wrong name", log.name, _misnamed(by_id, log))
    yield from _problems("not as stored", log.name, _untrue(by_id, log.events))


def _case(message_id: str, version: int) -> str:
    return f"message {message_id} version {version}"


def _disorder(events: Sequence[Event]) -> Iterator[str]:
    highest: dict[str, int] = {}
    seen: set[tuple[str, int]] = set()
    for event in events:
        key = (event.message_id, event.version)
        if key not in seen and event.version < highest.get(event.room_id, 0):
            yield f"{_case(*key)} after version {highest[event.room_id]} of room {event.room_id}"
        seen.add(key)
        highest[event.room_id] = max(event.version, highest.get(event.room_id, 0))


def _misnamed(by_id: Mapping[str, Stored], log: ClientLog) -> Iterator[str]:
    """`new-message` first and once, for what was posted after the join; `message-updated` for all else.

    Either, for a message that was changed before the client heard of it and whose place the client has passed: whoever
    is cut off while it catches up has not heard of it, and comes back with a `since` above it.
    """
    known: set[str] = set()
    reached = dict(log.joined)
    for event in log.events:
        message = by_id.get(event.message_id)
        if message is None:
            continue  # told as "not as stored"
        is_first = event.message_id not in known and message.posted_version > log.joined[event.room_id]
        is_passed = (
            event.version > message.posted_version and reached[event.room_id] >= message.posted_version
        )
        if (event.name == NEW) != is_first and not (is_first and is_passed):
            yield f"{_case(event.message_id, event.version)} as {event.name}"
        known.add(event.message_id)
        reached[event.room_id] = max(reached[event.room_id], event.version)


def _untrue(by_id: Mapping[str, Stored], events: Sequence[Event]) -> Iterator[str]:
    for event in events:
        message = by_id.get(event.message_id)
        case = _case(event.message_id, event.version)
        if message is None:
            yield f"{case} does not exist"
        elif event.version > message.version:
            yield f"{case} is beyond version {message.version}"
        elif event.version == message.version and event.content != message.content:
            yield f"{case} {event.content} instead of {message.content}"


def judge_posts(stored: Sequence[Stored], sent: Sequence[Sent]) -> Iterator[Problem]:
    """Acknowledgements tell the truth, a post that was sent again is stored once, and nothing else is stored."""
    rows: dict[str, list[Stored]] = defaultdict(list)
    for message in stored:
        if message.client_id:
            rows[message.client_id].append(message)
    known = {post.client_id for post in sent}
    yield from _problems("stored that nobody sent", "database", (key for key in rows if key not in known))
    yield from _problems("stored twice", "database", (key for key, found in rows.items() if len(found) > 1))
    for post in sent:
        yield from _problems("wrong acknowledgements", post.sender, _lies(post, rows.get(post.client_id, [])))


def _lies(post: Sent, rows: Sequence[Stored]) -> Iterator[str]:
    if not post.is_settled:
        yield f"{post.client_id} was never settled ({len(post.answers)} tries)"
    if post.is_refused and rows:
        yield f"{post.client_id} was refused and is stored"
    for message in post.accepted:
        row = next((row for row in rows if row.message_id == message["id"]), None)
        if row is None:
            yield f"{post.client_id} was acknowledged as message {message['id']}, which is not stored"
        elif not row.posted_version <= message["version"] <= row.version:
            yield f"{post.client_id} was acknowledged with version {message['version']}"
        elif (
            row.room_id != post.room_id
            or message["version"] == row.version
            and message["text"] != row.content.text
        ):
            yield f"{post.client_id} was acknowledged with another content"


def judge_change(by_id: Mapping[str, Stored], change: Changed) -> Iterator[Problem]:
    """An acknowledged edit or deletion is stored, under that version or a later one."""
    cases = []
    for answer in change.answers:
        if not answer or not answer["ok"]:
            continue
        message, row = answer["message"], by_id.get(change.message_id)
        if row is None or row.version < message["version"]:
            cases.append(f"{_case(change.message_id, message['version'])} is not stored")
        elif row.version == message["version"] and (row.content.text != (change.text or "")):
            cases.append(f"{_case(change.message_id, message['version'])} has another text")
    if not any(answer is not None for answer in change.answers):
        cases.append(f"the change of message {change.message_id} was never answered")
    yield from _problems("wrong acknowledgements", change.sender, cases)
