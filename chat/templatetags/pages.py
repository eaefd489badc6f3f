"""What templates need beyond Django: the room list of every page, icons, and how a person is drawn."""

from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chat.attachment_types import SHOWN_TYPES
from chat.models import Membership, Room, User
from chat.selectors import rooms_of
from chat.text import file_size

register = template.Library()
register.filter(file_size)
HUES = 8


@register.filter
def hue(user_id: object) -> int:
    """The colour of somebody's avatar, 0 to 7; the same everywhere (message_view.js computes it, too)."""
    return int(str(user_id)) % HUES if str(user_id).isdigit() else 0


@register.filter
def initials(name: str) -> str:
    """One or two letters that stand for a name."""
    words = str(name).split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"


@register.filter
def is_shown(media_type: str) -> bool:
    """Whether a file of this type is shown as an image; message_view.js has the same list."""
    return media_type in SHOWN_TYPES


@register.simple_tag
def icon(name: str) -> SafeString:
    """A decorative drawing from icons.svg; what carries it needs a text or label of its own."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("chat/icons.svg"),
        name,
    )


@register.simple_tag
def room_title(room: Room, user: User) -> str:
    """The room's name as `user` knows it: a direct room is called by whoever else is in it."""
    return direct_titles([room], user).get(room.pk, room.name) if room.kind == Room.Kind.DIRECT else room.name


def direct_titles(rooms: list[Room], user: User) -> dict[int, str]:
    """The names of the others in each direct room among `rooms`, by room id. One query; none without such rooms."""
    direct = [room.pk for room in rooms if room.kind == Room.Kind.DIRECT]
    if not direct:
        return {}
    others: dict[int, list[str]] = {}
    memberships = Membership.objects.filter(room__in=direct).exclude(user=user).select_related("user")
    for membership in memberships.order_by("user__username"):
        others.setdefault(membership.room_id, []).append(str(membership.user))
    return {pk: ", ".join(others.get(pk, [])) or f"{user} (you)" for pk in direct}


@register.inclusion_tag("chat/_sidebar.html", takes_context=True)
def sidebar(context: dict[str, Any]) -> dict[str, Any]:
    """The reader's own rooms, with what is unread in them. Three queries."""
    user = context["user"]
    listed: list[Any] = list(rooms_of(user))  # annotated there
    own = [room for room in listed if room.is_member]
    titles = direct_titles(own, user)
    for room in own:
        room.title = titles.get(room.pk, room.name)
    return {
        "user": user,
        "request": context["request"],
        "csrf_token": context.get("csrf_token"),
        "current": context.get("room"),
        "section": context.get("section", ""),
        "rooms": [room for room in own if room.kind != Room.Kind.DIRECT],
        "direct_rooms": sorted(
            (room for room in own if room.kind == Room.Kind.DIRECT), key=lambda room: room.title.casefold()
        ),
    }
