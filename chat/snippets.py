"""The part of a found message that a list of results shows, with the words that matched marked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape

from django.db import connection
from django.utils.html import strip_tags

ENDS = 40  # characters before and after
BEGINNING = 200
_CITATION = re.compile(r'<a class="citation"[^>]*>\d+</a>')
# No stored text has control characters (chat.text), so that these are never words of somebody's.
_START, _STOP, _BETWEEN = "\x02", "\x03", " … "
_OPTIONS = (
    f"StartSel={_START}, StopSel={_STOP}, MaxFragments=2, MaxWords=30, MinWords=12, "
    f'FragmentDelimiter="{_BETWEEN}"'
)
# Each word of the question once, any of them: ts_headline takes seconds for a word that is asked for again and again.
_HEADLINES = r"""
WITH wanted AS (
    SELECT string_agg(
        '''' || replace(replace(word, '\', '\\'), '''', '''''') || '''', ' | '
    )::tsquery AS words
    FROM unnest(tsvector_to_array(to_tsvector('chat_words', %s))) AS word
)
SELECT ts_headline('chat_words', given.text, coalesce(wanted.words, ''), %s)
FROM wanted, unnest(%s::text[]) WITH ORDINALITY AS given (text, place) ORDER BY given.place
"""
_MARKED = re.compile(f"{_START}(.*?){_STOP}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SnippetPiece:
    """A run of a snippet's text; `is_marked`: a word that was searched for."""

    text: str
    is_marked: bool


def plain_text(html: str) -> str:
    """What a reader of a rendered message sees, in one line, without the numbers of citations."""
    return " ".join(unescape(strip_tags(_CITATION.sub("", html))).split())


def snippets_of(query: str, texts: Sequence[str]) -> list[list[SnippetPiece]]:
    """A snippet of each text, about 30 words around those that match, else its beginning. One query.

    Words match as they do in chat.message_search: by their English stems, without accents.
    """
    if not texts:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_HEADLINES, [query, _OPTIONS, list(texts)])
        return [_pieces(headline, text) for (headline,), text in zip(cursor.fetchall(), texts, strict=True)]


def _pieces(headline: str, text: str) -> list[SnippetPiece]:
    fragments = headline.replace(_START, "").replace(_STOP, "").split(_BETWEEN)
    if not fragments[0]:  # nothing in the text is a word, such as one of 5000 characters
        return [SnippetPiece(text[:BEGINNING], False)]
    before = text.partition(fragments[0])[0] if fragments[0] in text else ""  # tags are left out of headlines
    after = text.rpartition(fragments[-1])[2] if fragments[-1] in text else ""
    # A headline leaves out words of no meaning at its ends: what is that short is shown, not left out.
    before, after = (before if len(before) <= ENDS else "… "), (after if len(after) <= ENDS else " …")
    parts = _MARKED.split(f"{before}{headline}{after}")  # what is marked stands at the odd places
    return [SnippetPiece(part, place % 2 == 1) for place, part in enumerate(parts) if part]
