from chat.markdown import render
from rag.extractive import INTRODUCTION, NOTHING, ExtractiveModel, as_markdown_text, best_sentences
from rag.llm.seam import CitationDelta, Completion, TextDelta
from rag.prompts import DefaultTemplate, build_request
from rag.tests.passages import LEAVE, PASSAGES, make_passage


async def answer(question, passages):
    request = build_request(question, passages, [], DefaultTemplate())
    return [event async for event in ExtractiveModel().stream(request)]


async def test_the_best_sentence_is_quoted_and_cited():
    events = await answer("How many days of paid leave do employees get?", PASSAGES)

    assert events[0] == TextDelta(INTRODUCTION)
    assert events[1] == TextDelta("\n\n> Employees get 25 days of paid leave per calendar year.")
    assert events[2] == CitationDelta(1, "Employees get 25 days of paid leave per calendar year.")
    assert isinstance(events[-1], Completion)


async def test_it_says_so_when_nothing_matches():
    events = await answer("What is the capital of France?", PASSAGES)

    assert [event for event in events if isinstance(event, TextDelta)] == [TextDelta(NOTHING)]


async def test_it_says_so_when_there_are_no_passages():
    assert (await answer("Anything?", []))[0] == TextDelta(NOTHING)


def test_a_passage_close_in_meaning_is_quoted_without_a_common_word():
    [quotation] = best_sentences("Holiday entitlement?", [make_passage(LEAVE, cosine=0.6)])

    assert quotation.number == 1


def test_the_same_sentence_of_overlapping_chunks_is_quoted_once():
    quotations = best_sentences(
        "coffee machine", [make_passage("The coffee machine is on floor two.", n) for n in (1, 2)]
    )

    assert [quotation.number for quotation in quotations] == [1]


def test_a_heading_does_not_beat_the_sentence_below_it():
    passage = make_passage("Coffee machine\n\nThe coffee machine is on the second floor of the annex.")

    best = best_sentences("Where is the coffee machine?", [passage])[0]

    assert passage.text[best.start : best.end].startswith("The coffee machine is on")


def test_quoted_text_is_not_markdown():
    assert as_markdown_text("# a *b* [x]\n`c`") == r"\# a \*b\* \[x\] \`c\`"


def test_a_reference_in_quoted_text_is_no_citation():
    assert render(as_markdown_text("as shown [1]"), {1: "/x"}) == "<p>as shown [\u20601]</p>"
