"""What the templates of document pages need beyond Django."""

from typing import TYPE_CHECKING

from django import template

from rag.models import Collection
from rag.pages.document_states import ACCEPTED, is_worth_a_retry
from rag.quotas import Quota, quota_of

if TYPE_CHECKING:
    from chat.models import User

register = template.Library()
register.filter("is_worth_a_retry", is_worth_a_retry)


@register.simple_tag
def accepted_files() -> str:
    """The endings of files that can be read, for a file chooser."""
    return ACCEPTED


@register.simple_tag
def document_quota(user: "User") -> Quota:
    """What the user's documents take up, and may."""
    return quota_of(user.pk)


@register.filter
def collection_name(collection: Collection) -> str:
    """The collection as people know it: a room's own files are called by the room, whatever it is called now."""
    room = collection.home_room
    if room is None:
        return collection.name
    return "Files of a direct conversation" if room.kind == "direct" else f"Files of #{room.name}"
