"""Message text (Markdown) to HTML that is safe to place in a page.

Two walls: markdown-it-py runs with raw HTML off, and nh3 lets only the tags and attributes below through. Images
are not rendered at all: an image address in an answer can carry data out (docs/security.md).
"""

import re
from html import escape

import nh3
from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from chat.mentions import MENTION

_TAGS = set(
    "p br hr em strong s del a code pre blockquote ul ol li span div".split()
    + "h1 h2 h3 h4 h5 h6 table thead tbody tr th td".split()
)
_ATTRIBUTES = {
    "a": {"href", "title", "class", "data-citation"},
    "span": {"class"},
    "div": {"class"},
    "code": {"class"},
    "ol": {"start"},
}
_FORMATTER = HtmlFormatter(nowrap=True)
_PIECES = re.compile(r"(<pre.*?</pre>|<code.*?</code>|<a .*?</a>|<[^>]*>)", re.DOTALL)


def _highlight(code: str, language: str, _attributes: str) -> str:
    try:
        lexer = get_lexer_by_name(language) if language else None
    except ClassNotFound:
        lexer = None
    body = highlight(code, lexer, _FORMATTER) if lexer else escape(code)
    return f'<pre class="code"><code>{body}</code></pre>'


_markdown = MarkdownIt(
    "js-default", {"html": False, "linkify": True, "breaks": True, "highlight": _highlight}
).disable(["image"])
assert _markdown.linkify is not None
_markdown.linkify.set({"fuzzy_link": False})  # a file name like README.md is no address


def _mark_mentions(html: str) -> str:
    """Mentions in running text get a class; code and links are left alone."""
    pieces = _PIECES.split(html)
    for place in range(0, len(pieces), 2):
        pieces[place] = MENTION.sub(r'<span class="mention">@\1</span>', pieces[place])
    return "".join(pieces)


def render(text: str, citation_urls: dict[int, str] | None = None) -> str:
    """HTML of a message.

    Args:
        text: Markdown. Raw HTML in it comes out as visible text.
        citation_urls: number of a citation -> address of its passage; `[n]` in running text becomes a link to it.
    """
    html = _markdown.render(text)
    if "@" in text:
        html = _mark_mentions(html)
    if citation_urls:
        html = _link_citations(html, citation_urls)
    return nh3.clean(
        html, tags=_TAGS, attributes=_ATTRIBUTES, link_rel="noopener noreferrer nofollow"
    ).strip()


def _link_citations(html: str, urls: dict[int, str]) -> str:
    def link(match: re.Match[str]) -> str:
        number = int(match[1])
        if number not in urls:
            return match[0]
        return f'<a class="citation" data-citation="{number}" href="{escape(urls[number])}">{number}</a>'

    pieces = _PIECES.split(html)
    for place in range(0, len(pieces), 2):
        pieces[place] = re.sub(r"\[(\d{1,3})\]", link, pieces[place])
    return "".join(pieces)
