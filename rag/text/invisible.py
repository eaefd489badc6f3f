"""Characters that a reader does not see and a language model does: how instructions are smuggled into text. Pure."""

import re

# Tags (a second ASCII that nothing draws), variation selectors beyond those of emoji, marks and overrides of direction,
# zero-width spaces and word joiners, fillers, and control characters but tab and line feed. What stays: the two
# joiners that Arabic, Indic scripts and emoji are written with, and the selector of emoji.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_LINES = re.compile("\r\n?|[\u2028\u2029\x0b\x0c\x85]")


def visible(text: str) -> str:
    """The text as a person sees it: line breaks of any kind as line feeds, without what nothing draws."""
    return _INVISIBLE.sub("", _LINES.sub("\n", text))


def visible_line(text: str) -> str:
    """The same on one line, for names and titles."""
    return " ".join(visible(text).split())
