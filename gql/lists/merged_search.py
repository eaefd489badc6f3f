"""One search over messages, documents and passages: what is found, in one order that a cursor can name.

Results are ordered by rank, the best first; of equal ranks documents come before passages before messages, and the
newer before the older. A rank comes from the row's own words and the query's, so that a page begins where the one
before ended whatever was posted, edited or deleted meanwhile. A cursor is (rank, kind, id, newest message): further
pages see no message that is newer than the first page's.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chat.errors import bad_input
from chat.message_search import find_messages, found_messages
from chat.models import Message, Room, User
from chat.selectors import access_room
from chat.text import clean_text
from gql.lists.connections import PageRequest
from rag.models import Document
from rag.reading import Piece
from rag.retrieval.excerpts import excerpt_of, results_of
from rag.retrieval.passages import Passage
from rag.retrieval.search import Audience, search
from rag.retrieval.title_search import find_documents
from rag.selectors import documents_open_to_room, documents_readable_by

QUERY_MAX_CHARACTERS = 500
PASSAGES = 50
CURSOR = (int, int, int, int)
MARK_START, MARK_END = "⟦", "⟧"
_DOCUMENT, _PASSAGE, _MESSAGE = range(3)
_WITHOUT = re.compile(r'(?<!\S)-(?:"[^"]*"?|\S+)')
_RANKS = 1_000_000  # a rank in a cursor is a whole number: exact wherever it is compared


@dataclass(frozen=True, slots=True)
class Hit:
    """One result. `item` is None for a message until its row is read."""

    rank: int
    kind: int
    id: int
    item: Document | Passage | None = None
    pieces: tuple[Piece, ...] = ()

    @property
    def place(self) -> tuple[int, int, int]:
        """Ascending in the order of results."""
        return -self.rank, self.kind, -self.id


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A result as it is shown. `snippet` is plain text, the words that matched between MARK_START and MARK_END."""

    item: Message | Document | Passage
    snippet: str
    key: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class SearchPage:
    """Results in their order, and whether there are more on either side."""

    results: list[SearchResult]
    has_next: bool
    has_previous: bool


def search_everything(user: User, query: str, room_id: object | None, page: PageRequest) -> SearchPage:
    """The results behind the page's cursor; with a room, messages of it and what all its readers may read.

    Raises:
        BadInput: the query. NotFound: the room is absent, or not for this user.
    """
    text = clean_text(query)
    if not text or len(text) > QUERY_MAX_CHARACTERS:
        raise bad_input("query", f"must have 1 to {QUERY_MAX_CHARACTERS} characters")
    room = None if room_id is None else access_room(user, room_id)
    newest = None if page.after is None else int(page.after[3])
    messages = [
        Hit(_whole(found.rank), _MESSAGE, found.message_id)
        for found in find_messages(user, text, room=room, newest_id=newest)
    ]
    if newest is None:
        newest = max((hit.id for hit in messages), default=0)
    hits = [*messages, *_documents(user, text, room), *_passages(user, text, room)]
    after = None if page.after is None else (-int(page.after[0]), int(page.after[1]), -int(page.after[2]))
    behind = sorted((hit for hit in hits if after is None or hit.place > after), key=lambda hit: hit.place)
    results: list[SearchResult] = []
    while behind and len(results) < page.limit:  # once, unless something was deleted since it was found
        missing = page.limit - len(results)
        results += _read(user, text, behind[:missing], newest)
        behind = behind[missing:]
    return SearchPage(results, has_next=bool(behind), has_previous=after is not None)


def _whole(rank: float) -> int:
    return round(rank * _RANKS)


def _documents(user: User, text: str, room: Room | None) -> list[Hit]:
    documents = documents_readable_by(user) if room is None else documents_open_to_room(room.pk)
    return [
        Hit(_whole(found.rank), _DOCUMENT, found.document.pk, found.document)
        for found in find_documents(documents, text)
    ]


def _passages(user: User, text: str, room: Room | None) -> list[Hit]:
    """Passages by words and meaning, without those that are only the nearest of what is there."""
    wanted = _WITHOUT.sub(" ", text)  # meaning has no "without": the word would find what it is to keep out
    audience = Audience.of_user(user) if room is None else Audience.of_room(room.pk)
    results = results_of(wanted, search(audience, wanted, top_k=PASSAGES))
    return [
        Hit(
            _whole(result.passage.score),
            _PASSAGE,
            result.passage.chunk_id,
            result.passage,
            tuple(result.pieces),
        )
        for result in results
    ]


def _read(user: User, text: str, hits: list[Hit], newest: int) -> list[SearchResult]:
    messages = found_messages(user, [hit.id for hit in hits if hit.kind == _MESSAGE])
    results = []
    for hit in hits:
        item: Any = messages.get(hit.id) if hit.kind == _MESSAGE else hit.item
        if item is None:  # deleted since the words were searched
            continue
        pieces = hit.pieces or excerpt_of(text, _shown(item))
        results.append(SearchResult(item, snippet_of(pieces), (hit.rank, hit.kind, hit.id, newest)))
    return results


def _shown(item: Message | Document) -> str:
    return item.text if isinstance(item, Message) else item.title


def snippet_of(pieces: Iterable[Piece]) -> str:
    """The pieces as one line; marks that stand in the text itself become plain brackets."""
    line = "".join(
        f"{MARK_START}{_plain(piece.text)}{MARK_END}" if piece.is_marked else _plain(piece.text)
        for piece in pieces
    )
    return " ".join(line.split())


def _plain(text: str) -> str:
    return text.replace(MARK_START, "[").replace(MARK_END, "]")
