import html
import re

import pytest

from chat.markdown import render
from rag.extractive import (
    ENOUGH_CHARACTERS,
    INTRODUCTION,
    MOST_CHARACTERS,
    NOTHING,
    ExtractiveModel,
    as_markdown_quote,
    best_quotations,
)
from rag.llm.seam import CitationDelta, Completion, TextDelta
from rag.prompts import DefaultTemplate, build_request
from rag.tests.passages import LEAVE, PASSAGES, make_passage


async def answer(question, passages):
    request = build_request(question, passages, [], DefaultTemplate())
    return [event async for event in ExtractiveModel().stream(request)]


async def test_what_fits_best_is_quoted_and_cited():
    events = await answer("How many days of paid leave do employees get?", PASSAGES)

    words = "Employees get 25 days of paid leave per calendar year. Part-time staff get a share."
    assert events[:3] == [TextDelta(INTRODUCTION), TextDelta(f"\n\n> {words}"), CitationDelta(1, words)]
    assert isinstance(events[-1], Completion)


async def test_it_says_so_when_nothing_matches():
    events = await answer("What is the capital of France?", PASSAGES)

    assert [event for event in events if isinstance(event, TextDelta)] == [TextDelta(NOTHING)]


async def test_it_says_so_when_there_are_no_passages():
    assert (await answer("Anything?", []))[0] == TextDelta(NOTHING)


def test_a_passage_close_in_meaning_is_quoted_without_a_common_word():
    [quotation] = best_quotations("Holiday entitlement?", [make_passage(LEAVE, cosine=0.6)])

    assert (quotation.number, quotation.start) == (1, 0)


def test_what_overlapping_chunks_repeat_is_quoted_once():
    text = "The coffee machine is on floor two."

    quotations = best_quotations("coffee machine", [make_passage(text, 1), make_passage(text, 2)])

    assert [quotation.number for quotation in quotations] == [1]


def test_a_heading_is_quoted_with_the_text_below_it():
    passage = make_passage("Nothing.\n\nCoffee machine\n\nIt is on the second floor of the annex.")

    [quotation] = best_quotations("Where is the coffee machine?", [passage])

    assert passage.text[quotation.start : quotation.end].endswith("of the annex.")


def test_a_quotation_has_a_sensible_length():
    passage = make_passage("Coffee is good. " * 100)

    [quotation] = best_quotations("coffee", [passage])

    assert ENOUGH_CHARACTERS <= quotation.end - quotation.start <= MOST_CHARACTERS


@pytest.mark.parametrize(
    "line",
    [
        "# a *b* [x]",
        "`c`",
        "1. one",
        "- two",
        "+ three",
        "a | b",
        "<b>",
        "&amp;",
        "> q",
        "\\",
        "![x](y)",
        "10) x",
    ],
)
def test_quoted_text_is_shown_as_it_is(line):
    shown = re.sub("<[^>]+>", "", render(as_markdown_quote(f"x\n{line}")))

    assert html.unescape(shown).split() == ["x", *line.split()]


def test_a_reference_in_quoted_text_is_no_citation():
    assert "data-citation" not in render(as_markdown_quote("as shown [1]"), {1: "/x"})
