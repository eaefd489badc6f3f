import re

from hypothesis import given
from hypothesis import strategies as st

from rag.answering.prompts import (
    HISTORY_BUDGET_TOKENS,
    PASSAGES_BUDGET_TOKENS,
    DefaultTemplate,
    HistoryItem,
    build_request,
    fence,
    segments,
)
from rag.tests.passages import LEAVE, PASSAGES, make_passage
from rag.text.tokens import estimate_tokens

TEMPLATE = DefaultTemplate()
TEXTS = st.text(alphabet=st.characters(codec="utf-8"), max_size=200)


def test_the_same_values_give_the_same_request():
    history = [HistoryItem("ada", "Hello", False)]

    assert build_request("Q?", PASSAGES, history, TEMPLATE) == build_request(
        "Q?", PASSAGES, history, TEMPLATE
    )


@given(TEXTS, TEXTS, TEXTS)
def test_the_system_prompt_holds_only_what_the_installation_wrote(question, said, document):
    plain = build_request("", [], [], TEMPLATE)

    request = build_request(question, [make_passage(document)], [HistoryItem("ada", said, False)], TEMPLATE)

    assert request.system == plain.system


@given(st.lists(TEXTS, min_size=1, max_size=4), st.booleans())
def test_no_document_can_close_the_fence_around_it(texts, knows_an_earlier_fence):
    if knows_an_earlier_fence:
        texts = [*texts, fence([make_passage(text) for text in texts])]

    fenced = fence([make_passage(text) for text in texts])

    tag = fenced[1 : fenced.index(">")]
    assert len(re.findall(re.escape(f"<{tag}>"), fenced)) == len(texts)
    assert len(re.findall(re.escape(tag), fenced)) == 2 * len(texts)


@given(TEXTS)
def test_segments_joined_are_the_text_and_none_is_blank(text):
    pieces = segments(text)

    assert "".join(pieces) == text
    assert all(piece.strip() for piece in pieces) or not text.strip()


def test_a_source_is_cut_into_sentences_and_numbered():
    request = build_request("Q?", PASSAGES, [], TEMPLATE)

    assert request.sources[0].segments[1] == "Employees get 25 days of paid leave per calendar year. "
    assert request.sources[1].title == "[2] Handbook 2 › Work › Leave, page 2"
    assert "[1] to [3]" in request.prompt


def test_the_newest_messages_are_kept_within_the_budget():
    history = [HistoryItem("ada", f"message {n} " + "word " * 100, n % 3 == 0) for n in range(60)]

    turns = build_request("Q?", [], history, TEMPLATE).history

    assert "message 59" in turns[-1].text
    assert turns[0].role == "user"
    assert all(one.role != two.role for one, two in zip(turns, turns[1:], strict=False))
    assert sum(estimate_tokens(turn.text) for turn in turns) <= HISTORY_BUDGET_TOKENS + 100


def test_one_long_message_is_shortened_not_dropped():
    [turn] = build_request("Q?", [], [HistoryItem("ada", "é" * 50_000, False)], TEMPLATE).history

    assert turn.text.endswith(" …")
    assert estimate_tokens(turn.text) < 410


def test_earlier_answers_lose_their_markers():
    history = [HistoryItem("ada", "Days?", False), HistoryItem("Parley", "25 days [1][2].", True)]

    assert build_request("Q?", [], history, TEMPLATE).history[-1].text == "25 days."


def test_passages_beyond_the_budget_and_blank_ones_are_left_out():
    passages = [make_passage(text, n) for n, text in enumerate([" \n", *[LEAVE * 40] * 20], 1)]

    request = build_request("Q?", passages, [], TEMPLATE)

    assert request.passages == tuple(passages[1 : 1 + len(request.passages)])
    assert 0 < sum(estimate_tokens(passage.text) for passage in request.passages) <= PASSAGES_BUDGET_TOKENS


def test_without_passages_the_model_is_told_so():
    request = build_request("Q?", [], [], TEMPLATE)

    assert "found no passage" in request.prompt
    assert (request.sources, request.fenced_sources) == ((), "")
