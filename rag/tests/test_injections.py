"""Known injections against what builds the prompt, checks citations and renders answers."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.markdown import render
from rag.answering.citations import check_citations
from rag.answering.prompts import DefaultTemplate, HistoryItem, build_request
from rag.llm.anthropic import messages_of
from rag.tests.injections import DIRECT, EVIL, FORGERIES, NAMES, OUTPUTS, UNICODE
from rag.tests.passages import LEAVE, PASSAGES, make_passage
from rag.text.invisible import visible, visible_line

TEMPLATE = DefaultTemplate()
PLAIN = build_request("Q?", PASSAGES, [HistoryItem("ada", "Hello", False)], TEMPLATE)
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060-\u206f\u3164\ufeff\U000e0000-\U000e0fff]"
)
TEXTS = DIRECT | UNICODE
PLACES = ("question", "history", "author", "text", "title", "heading")


def attacked(place, text):
    """The request with the text in that place."""
    question, said, author, passage = "Q?", "Hello", "ada", PASSAGES[0]
    match place:
        case "question":
            question = text
        case "history":
            said = text
        case "author":
            author = text
        case "text":
            passage = replace(passage, text=text)
        case "title":
            passage = replace(passage, document_title=text)
        case "heading":
            passage = replace(passage, heading=text)
    return build_request(question, [passage, *PASSAGES[1:]], [HistoryItem(author, said, False)], TEMPLATE)


def everything_sent(request):
    """All that a model reads of a request, in both forms of its sources."""
    sources = [part for source in request.sources for part in (source.title, *source.segments)]
    turns = [turn.text for turn in request.history]
    return [request.system, request.fenced_sources, request.prompt, *sources, *turns]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", [*TEXTS, *NAMES])
def test_an_injection_stays_where_it_came_from(place, name):
    request = attacked(place, (TEXTS | NAMES)[name])

    assert request.system == PLAIN.system
    assert [turn.role for turn in request.history] == ["user"]
    assert len(request.sources) <= len(PASSAGES)
    assert not any(UNSEEN.search(part) for part in everything_sent(request))
    tags = re.findall(r"</?(passage-[0-9a-f]{16})>", request.fenced_sources)
    own = request.fenced_sources[1 : request.fenced_sources.index(">")]
    assert tags.count(own) == 2 * len(request.sources)
    for source in request.sources:
        assert "\n" not in source.title
    first, *others = request.history[0].text.split("\n")
    assert ": " in first
    assert all(line.startswith("  ") for line in others)


@pytest.mark.parametrize("blocks", [True, False])
@pytest.mark.parametrize("name", DIRECT)
def test_the_last_turn_is_the_users_and_holds_the_question_last(name, blocks):
    messages = messages_of(attacked("text", DIRECT[name]), blocks=blocks)
    assert [message["role"] for message in messages] == ["user", "user"]
    assert messages[-1]["content"][-1]["text"].endswith("The question:\n\nQ?")


class _Page(HTMLParser):
    """What a browser would fetch or run of some HTML, and where its links lead, with their texts."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.links, self.text = set(), set(), [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "a":
            self.links.append(dict(attrs)["href"])

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_answer_fetches_nothing_runs_nothing_and_shows_where_its_links_lead(name):
    page = _Page(render(OUTPUTS[name], links_in_full=True))

    assert page.tags <= {"p", "br", "a", "strong", "em", "code", "pre", "ul", "li", "blockquote", "span"} | {
        "table", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip
    assert page.attributes <= {"href", "rel", "class", "title"}
    for address in page.links:
        assert address.startswith(("https://", "http://", "//"))
        assert page.text.count(address) >= 1


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_citation_is_none(name):
    checked = check_citations(FORGERIES[name], {}, PASSAGES)
    html = render(checked.text, {one.number: "/documents/1/" for one in checked.citations})

    assert checked.citations == ()
    assert "data-citation" not in _Page(html).attributes


def test_words_that_stand_in_a_passage_although_invisible_characters_were_taken_out_are_cited():
    hidden = LEAVE.replace("25 days", "25\u200b da\u00adys")
    request = build_request("Q?", [make_passage(hidden)], [], TEMPLATE)
    assert any("25 days" in segment for segment in request.sources[0].segments)
    text = "You get 25 days [1]."
    checked = check_citations(
        text, {text.index("["): "Employees get 25 days of paid leave"}, request.passages
    )
    assert len(checked.citations) == 1


@given(st.text())
def test_what_is_visible_stays_so_and_a_line_is_one(text):
    assert visible(visible(text)) == visible(text)
    assert not UNSEEN.search(visible(text))
    assert len(visible_line(text).splitlines()) <= 1


@pytest.mark.parametrize(
    "text", ["می‌خواهم", "क्‍ष", "👩‍👩‍👧 ❤️", "naïve café", "日本語 テスト", "a\tb\nc", "שלום", "ไทย"]
)
def test_writing_that_needs_joiners_stays(text):
    assert visible(text) == text


def test_there_are_at_least_sixty_cases():
    assert sum(map(len, (DIRECT, UNICODE, NAMES, OUTPUTS, FORGERIES))) >= 60


def test_addresses_of_evil_are_not_links_of_ours():
    assert EVIL not in render("See [1].", {1: "/documents/1/"}, links_in_full=True)
