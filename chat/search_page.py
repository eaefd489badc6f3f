"""The page that finds messages by their words, and the way from a message to its place in its room."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from chat.limiting.limits import check, network_of
from chat.message_search import CANDIDATES, find_messages, found_messages
from chat.models import Message, Room, User
from chat.selectors import access_message, access_room, rooms_of
from chat.snippets import SnippetPiece, plain_text, snippets_of
from chat.templatetags.pages import direct_titles
from chat.text import clean_text
from chat.views import user_of

PAGE_RESULTS = 20
QUERY_MAX_CHARACTERS = 500
SHOWN_AFTER = 20  # messages that stand below the one that was looked for


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A message that matches, as the list shows it."""

    message: Message
    room_title: str
    snippet: list[SnippetPiece]


@require_safe
@login_required
def search_messages(request: HttpRequest) -> HttpResponse:
    """Messages that match `?q=`, of `?room=` alone if it is given.

    Newest first, from `?before=<id>` on; with `?sort=best` the newest thousand, best match first, by `?page=`.
    """
    user = user_of(request)
    query = clean_text(request.GET.get("q", ""))[:QUERY_MAX_CHARACTERS]
    room = access_room(user, request.GET["room"]) if request.GET.get("room") else None
    is_best_first = request.GET.get("sort") == "best"
    choice = (
        {"q": query} | ({"room": str(room.pk)} if room else {}) | ({"sort": "best"} if is_best_first else {})
    )
    if query:
        check("searches", user_id=user.pk, address=network_of(request.META.get("REMOTE_ADDR", "")))
    ask_for = _best if is_best_first else _newest
    found = ask_for(user, query, room, request.GET) if query else _Found([], None, is_first=True)
    context = {
        "section": "search",
        "kind": "messages",
        "query": query,
        "is_best_first": is_best_first,
        "chosen_room": room,
        "rooms": _rooms_to_choose(user),
        "rows": _rows(user, query, found.message_ids),
        "first_url": None if found.is_first else f"?{urlencode(choice)}",
        "next_url": f"?{urlencode(choice | found.next)}" if found.next else None,
    }
    return render(request, "chat/search.html", context)


@dataclass(frozen=True, slots=True)
class _Found:
    """A page of results, what the address of the next one says, and whether none is before it."""

    message_ids: Sequence[int]
    next: dict[str, str] | None
    is_first: bool


def _newest(user: User, query: str, room: Room | None, asked: Mapping[str, str]) -> _Found:
    before = _number(asked.get("before", ""))
    newest_id = None if before is None else before - 1
    hits = find_messages(user, query, room=room, newest_id=newest_id, limit=PAGE_RESULTS + 1)
    shown = [hit.message_id for hit in hits[:PAGE_RESULTS]]
    return _Found(shown, {"before": str(shown[-1])} if len(hits) > PAGE_RESULTS else None, before is None)


def _best(user: User, query: str, room: Room | None, asked: Mapping[str, str]) -> _Found:
    page = min(_number(asked.get("page", "")) or 1, CANDIDATES)
    hits = sorted(find_messages(user, query, room=room), key=lambda hit: (-hit.rank, -hit.message_id))
    end = page * PAGE_RESULTS
    shown = [hit.message_id for hit in hits[end - PAGE_RESULTS : end]]
    return _Found(shown, {"page": str(page + 1)} if len(hits) > end else None, page == 1)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 18 else None


def _rows(user: User, query: str, message_ids: Sequence[int]) -> list[FoundRow]:
    there = found_messages(user, message_ids)
    messages = [there[message_id] for message_id in message_ids if message_id in there]
    titles = direct_titles(
        [message.room for message in messages if message.room.kind == Room.Kind.DIRECT], user
    )
    snippets = snippets_of(query, [plain_text(message.html) or message.text for message in messages])
    return [
        FoundRow(message, titles.get(message.room_id, message.room.name), snippet)
        for message, snippet in zip(messages, snippets, strict=True)
    ]


def _rooms_to_choose(user: User) -> list[tuple[int, str]]:
    """Id and title of every room the user may read, his or her own first."""
    rooms = list(rooms_of(user))
    titles = direct_titles([room for room in rooms if room.kind == Room.Kind.DIRECT], user)
    return [(room.pk, titles.get(room.pk, f"#{room.name}")) for room in rooms]


@require_safe
@login_required
def message_in_room(request: HttpRequest, message_id: int) -> HttpResponse:
    """Leads to the room where the message stands: its newest page, or the one that has the message near its end."""
    message = access_message(user_of(request), message_id)
    later = Message.objects.filter(room=message.room_id, posted_version__gt=message.posted_version)
    following = later.order_by("posted_version").values_list("posted_version", flat=True)
    before = following[SHOWN_AFTER : SHOWN_AFTER + 1].first()
    earlier = "" if before is None else f"?before={before}"
    return redirect(f"{reverse('room', args=[message.room_id])}{earlier}#message-{message.pk}")
