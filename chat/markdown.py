"""Message text (Markdown) to HTML that is safe to place in a page.

Two walls: markdown-it-py runs with raw HTML off, and nh3 lets only the tags and attributes below through. Images
are not rendered at all: an image address in an answer can carry data out (docs/security.md).

A text costs no more time and makes no more HTML than a long honest one: what is marked up beyond the limits below
is shown as it was typed.
"""

import re
from collections.abc import Sequence
from functools import cache
from html import escape
from itertools import pairwise

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name

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
_MENTION_SPAN = r'<span class="mention">@\1</span>'
_PIECES = re.compile(r"(<pre.*?</pre>|<code.*?</code>|<a .*?</a>|<[^>]*>)", re.DOTALL)


MAX_HTML_CHARACTERS = 65_536
MAX_HIGHLIGHTED_CHARACTERS = 1_500  # of a message, all blocks together
# An author chooses the lexer, and most of Pygments' 500 take quadratic time or worse for some text, a few never end.
# These were searched for such texts (chat/tests/test_markdown.py) within MAX_HIGHLIGHTED_CHARACTERS.
_LEXERS = {
    name: lexer
    for lexer, names in {
        "bash": "bash sh shell zsh",
        "c": "c h",
        "css": "css",
        "diff": "diff patch",
        "go": "go golang",
        "html": "html htm xml svg",
        "ini": "ini cfg conf",
        "java": "java",
        "javascript": "javascript js jsx mjs",
        "json": "json jsonc",
        "python": "python py python3",
        "rust": "rust rs",
        "sql": "sql postgresql postgres",
        "toml": "toml",
        "typescript": "typescript ts tsx",
        "yaml": "yaml yml",
    }.items()
    for name in names.split()
}
# How many of each mark a text may have, for what markdown-it does with it: `[` takes quadratic time, the others
# up to 70 microseconds each. A message of 20,000 characters that people write stays far below.
_MARK_LIMITS = (
    (("[",), 1_000),
    (("*", "_", "~"), 4_000),
    (("<", "`"), 4_000),
    (("://",), 500),
    (("\n",), 1_500),
)
_MAX_TABLE_CELLS = 2_000
_DELIMITER_ROW = re.compile(r"^[ \t>|:+*-]*-[ \t|:-]*$", re.MULTILINE)


@cache
def _lexer(name: str) -> Lexer:
    return get_lexer_by_name(name)


def _fence(
    _renderer: RendererHTML, tokens: Sequence[Token], index: int, _options: OptionsDict, env: EnvType
) -> str:
    """A block of code; `env` counts the characters that the message's blocks had highlighted so far."""
    code, info = tokens[index].content, tokens[index].info.split(maxsplit=1)
    name = _LEXERS.get(info[0].lower()) if info else None
    characters = env.get("highlighted", 0) + len(code)
    if name and characters <= MAX_HIGHLIGHTED_CHARACTERS:
        env["highlighted"] = characters
        body = highlight(code, _lexer(name), _FORMATTER)
    else:
        body = escape(code)
    return f'<pre class="code"><code>{body}</code></pre>'


def _unmark_images(state: StateCore) -> None:
    """The mark of an image is not shown: with images off, `![a plan](/plan.png)` is "!" and a link, "a plan"."""
    for block in state.tokens:
        for token, following in pairwise(block.children or ()):
            is_link = following.type == "link_open" and not following.markup  # "autolink" for <address>
            if is_link and token.type == "text" and token.content.endswith("!"):
                token.content = token.content[:-1]


def _spell_out_links(state: StateCore) -> None:
    """Where `env` asks for it, a link whose text is not its address has the address behind it."""
    if not state.env.get("links_in_full"):
        return
    for block in state.tokens:
        children: list[Token] = []
        opened: list[int] = []
        for token in block.children or ():
            children.append(token)
            if token.type == "link_open":
                opened.append(len(children) - 1)
            elif token.type == "link_close" and opened:
                at = opened.pop()
                address = str(children[at].attrGet("href") or "")
                shown = "".join(inner.content for inner in children[at + 1 : -1])
                if shown.strip() != address:
                    children.append(Token("text", "", 0, content=f" ({address})"))
        if block.children is not None:
            block.children = children


# Reference definitions are off: one long address, named thousands of times, makes megabytes of HTML.
_markdown = MarkdownIt(
    "js-default", {"html": False, "linkify": True, "breaks": True, "maxNesting": 20}
).disable(["image", "reference"])
_markdown.add_render_rule("fence", _fence)
_markdown.core.ruler.after("inline", "unmark_images", _unmark_images)
_markdown.core.ruler.after("linkify", "spell_out_links", _spell_out_links)
assert _markdown.linkify is not None
_markdown.linkify.set({"fuzzy_link": False})  # a file name like README.md is no address


def _is_excessive(text: str) -> bool:
    """Whether to render the text would take long, judged by its marks."""
    for marks, limit in _MARK_LIMITS:
        if sum(map(text.count, marks)) > limit:
            return True
    if "|" not in text:
        return False
    # A row is filled up to the columns of its table's head, so short rows count like long ones.
    columns = max((row.count("|") + 1 for row in _DELIMITER_ROW.findall(text)), default=0)
    return columns * (text.count("\n") + 1) > _MAX_TABLE_CELLS and columns > 1


def _as_typed(text: str) -> str:
    return f"<p>{escape(text, quote=False)}</p>".replace("\n", "<br>\n")


def _mark_mentions(html: str) -> str:
    """Mentions in running text get a class; code and links are left alone."""
    pieces = _PIECES.split(html)
    for place in range(0, len(pieces), 2):
        pieces[place] = MENTION.sub(_MENTION_SPAN, pieces[place])
    return "".join(pieces)


# One line of words and harmless punctuation, as most messages are: Markdown makes a paragraph of it, and nothing else.
# No number with a dot comes first (a list), no @ follows a letter (an address), no colon or slash stands where a link
# could be. Possessive (`*+`): each character is looked at once; but not the group, which Python 3.11.2 matches wrongly.
_PLAIN = re.compile(
    r"""(?=[^\W\d_]|\d++(?![.)])|@\w|\^)[^\W_]*+"""
    r"""(?:(?:[ ,.;?!'"()%^$=+#\u2013\u2014\u2018-\u201d\u2026\U0001F300-\U0001FAFF]"""
    r"""|(?<!\S)@(?=\w)|:(?!\S)|(?<=\w)[-/](?=\w))[^\W_]*+)*(?<! )"""
)
_PLAIN_MAX_CHARACTERS = 1_000


def _render_plain(text: str) -> str | None:
    """What `render` makes of a plain text, at a tenth of the time; None if it is not one."""
    if len(text) > _PLAIN_MAX_CHARACTERS or _PLAIN.fullmatch(text) is None:
        return None
    marked = MENTION.sub(_MENTION_SPAN, text) if "@" in text else text
    return f"<p>{marked}</p>"


def render(text: str, citation_urls: dict[int, str] | None = None, *, links_in_full: bool = False) -> str:
    """HTML of a message.

    Args:
        text: Markdown. Raw HTML in it comes out as visible text, and so do its marks where there are too many.
        citation_urls: number of a citation -> address of its passage; `[n]` in running text becomes a link to it.
        links_in_full: whether each link shows where it leads, as for texts that no person wrote.
    """
    if not citation_urls and (plain := _render_plain(text)) is not None:
        return plain
    return _render_markdown(text, citation_urls, links_in_full)


def _render_markdown(text: str, citation_urls: dict[int, str] | None, links_in_full: bool = False) -> str:
    html = "" if _is_excessive(text) else _markdown.render(text, {"links_in_full": links_in_full})
    if not html or len(html) > MAX_HTML_CHARACTERS:
        html = _as_typed(text)
    linked = _mark_mentions(html) if "@" in text else html
    if citation_urls:
        linked = _link_citations(linked, citation_urls)
    if len(linked) <= MAX_HTML_CHARACTERS:
        html = linked
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
