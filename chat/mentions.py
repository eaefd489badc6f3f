"""Mentions: the usernames that a text names with `@`. Pure."""

import re

# A name starts and ends with a letter, digit or underscore; dots, dashes and pluses may stand inside. What stands
# before the @ keeps addresses (ada@example.org) and paths (pkg/@scope) from being mentions.
MENTION = re.compile(r"(?<![\w@/.+-])@(\w(?:[\w.+-]{0,148}\w)?)")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)


def find_mentions(text: str) -> list[str]:
    """The names mentioned in `text`, lower case, each once, in order. Code spans and fences mention nobody."""
    if "@" not in text:
        return []
    return list(dict.fromkeys(name.lower() for name in MENTION.findall(_CODE.sub(" ", text))))


def strip_mention(text: str, username: str) -> str:
    """`text` without the mentions of `username`: what was asked, for the one who was asked."""
    without = re.sub(
        rf"(?<![\w@/.+-])@{re.escape(username)}(?![\w+-]|\.\w)[,:]?", " ", text, flags=re.IGNORECASE
    )
    return " ".join(without.split()) if "\n" not in without else without.strip()
