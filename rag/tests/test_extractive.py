import html
import re
from dataclasses import replace

import pytest

from chat.markdown import render
from rag.answering.extractive import (
    INTRODUCTION,
    NOTHING,
    ExtractiveModel,
    as_markdown_quote,
    best_quotations,
)
from rag.answering.prompts import DefaultTemplate, build_request
from rag.answering.windows import ENOUGH_CHARACTERS, MOST_CHARACTERS, is_table_row
from rag.llm.seam import CitationDelta, Completion, TextDelta
from rag.tests.passages import LEAVE, PASSAGES, make_passage

TABLE = """\
variable | default | meaning
PORT | 8000 | port to listen on. Loopback only.
DATA_DIR | var/ | where files are kept
LOG_LEVEL | INFO | level of the loggers"""


async def answer(question, passages):
    request = build_request(question, passages, [], DefaultTemplate())
    return [event async for event in ExtractiveModel().stream(request)]


async def test_what_fits_best_is_quoted_and_cited():
    events = await answer("How many days of paid leave do employees get?", PASSAGES)

    words = "Employees get 25 days of paid leave per calendar year. Part-time staff get a share."
    heading = TextDelta("\n\n**Work › Leave**")
    assert events[:4] == [
        TextDelta(INTRODUCTION),
        heading,
        TextDelta(f"\n\n> {words}"),
        CitationDelta(1, words),
    ]
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


def quoted(question, *texts, **fields):
    """What is quoted of these passages, best first."""
    passages = [replace(make_passage(text, number), **fields) for number, text in enumerate(texts, 1)]
    found = best_quotations(question, passages)
    return [passages[one.number - 1].text[one.start : one.end] for one in found]


async def test_a_row_of_a_table_is_quoted_alone_with_dashes_between_its_cells():
    row = "PORT | 8000 | port to listen on. Loopback only."
    assert quoted("Which port does it listen on?", TABLE) == [row]

    events = await answer("Which port does it listen on?", [make_passage(TABLE)])
    assert TextDelta("\n\n> PORT — 8000 — port to listen on. Loopback only.") in events
    assert CitationDelta(1, row) in events


def test_a_pipe_in_a_program_is_no_table():
    assert as_markdown_quote("cat log | sort") == "> cat log \\| sort"
    assert not is_table_row("Run this:\n\ncat log | sort\n\nThen read.", (11, 25))


def test_an_item_of_a_list_is_quoted_alone():
    text = (
        "• The coffee machine is on floor two.\n• The printer is in the cellar.\n• Ask the porter for keys."
    )

    assert quoted("Where is the printer?", text) == ["• The printer is in the cellar."]


def test_a_paragraph_is_not_continued_by_the_next_one():
    assert quoted("Where is the printer?", "The printer is in the cellar.\n\nAsk the porter for keys.") == [
        "The printer is in the cellar."
    ]


def test_a_sentence_that_leans_on_the_one_before_is_quoted_with_it():
    text = "Lunch is at noon. The printer is in the cellar. It needs special paper. Keys hang on the wall."

    [quotation] = quoted("Which special paper is needed?", text)

    assert quotation.startswith("The printer is in the cellar. It needs special paper.")


def test_a_line_that_announces_is_quoted_with_what_it_announces():
    text = "To start the printer:\n\nprinter --start\n\nand wait."

    assert quoted("How do I start the printer?", text) == [text]


def test_the_heading_shown_above_is_not_quoted_again_and_counts():
    text = "Starting the printer\n\nPress the green button twice."

    assert quoted("How do I start the printer?", text, heading="Office › Starting the printer") == [
        "Press the green button twice."
    ]


def test_the_passage_that_search_found_best_comes_first_if_it_has_most_of_the_words():
    best = "The key of the coffee machine hangs in the kitchen."
    other = "Spare parts: key, coffee, machine, kitchen, cellar."

    assert quoted("Where is the key of the coffee machine in the cellar?", best, other)[0] == best


def test_a_drawing_is_quoted_by_its_lines():
    drawing = "\n".join(f"step{n}   -> does the thing number {n}, for as long as it takes" for n in range(20))

    [quotation] = quoted("What does step7 do?", drawing)

    assert quotation.startswith("step7 ") and len(quotation) <= MOST_CHARACTERS


def test_one_common_word_far_from_the_meaning_is_a_chance():
    text = "When the connection is back, what you wrote is sent."

    assert quoted("How do I back up?", text, cosine=0.05) == []
    assert quoted("How do I back up?", text, cosine=0.3) == [text]
    assert quoted("How do I back up?", text, cosine=None) == [text]


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


def test_words_written_apart_in_the_question_find_the_one_word_of_a_passage():
    text = "A backup of the database is made with pg_dump every night."
    assert quoted("How do I back up?", text, cosine=0.2) == [text]
