import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.markdown import render
from rag.answering.citations import DraftAnswer, check_citations
from rag.answering.markers import find_runs, strip_markers, without_lookalikes
from rag.tests.passages import EXPIRY, LEAVE, PASSAGES

RENDERED_MARKER = re.compile(r"\[(\d{1,3})\]")  # what chat.markdown makes a link of


def test_a_native_citation_is_kept_with_exact_offsets():
    draft = DraftAnswer(source_count=3)
    draft.add_text("You get 25 days.")
    draft.add_citation(1, "employees  get 25 DAYS of paid leave")

    checked = check_citations(draft.text, draft.quotes, PASSAGES)

    assert checked.text == "You get 25 days. [1]"
    [citation] = checked.citations
    assert LEAVE[citation.start : citation.end] == "Employees get 25 days of paid leave"
    assert checked.dropped == 0


def test_a_citation_on_the_wire_has_the_contracts_names():
    checked = check_citations("Unused leave expires on 31 March [2].", {}, PASSAGES)

    assert [citation.as_dict(7) for citation in checked.citations] == [
        {
            "number": 1,
            "documentId": "2",
            "chunkId": "2",
            "documentTitle": "Handbook 2",
            "page": 2,
            "heading": "Work › Leave",
            "quote": "Unused leave expires on 31 March of the next year.",
            "url": "/documents/2/passages/2/?mark=0-50&cited=7-1",
        }
    ]


def test_words_that_do_not_stand_in_the_passage_are_dropped_and_counted():
    draft = DraftAnswer(source_count=3)
    draft.add_text("You get 30 days.")
    draft.add_citation(1, "Employees get 30 days of paid leave")

    checked = check_citations(draft.text, draft.quotes, PASSAGES)

    assert (checked.text, checked.citations, checked.dropped) == ("You get 30 days.", (), 1)


def test_a_quote_that_begins_inside_a_word_does_not_stand_there():
    draft = DraftAnswer(source_count=3)
    draft.add_text("Five.")
    draft.add_citation(1, "5 days")

    assert check_citations(draft.text, draft.quotes, PASSAGES).citations == ()


def test_a_bare_marker_quotes_the_sentence_that_supports_it():
    checked = check_citations("The machine for coffee is on the second floor [3]. Nice.", {}, PASSAGES)

    assert checked.text == "The machine for coffee is on the second floor [1]. Nice."
    assert checked.citations[0].as_dict(7)["quote"] == "The coffee machine is on the second floor."


def test_a_bare_marker_without_support_is_dropped():
    checked = check_citations("The moon is made of cheese [3].", {}, PASSAGES)

    assert (checked.text, checked.dropped) == ("The moon is made of cheese.", 1)


def test_a_passage_that_was_not_served_cannot_be_cited():
    checked = check_citations("Employees get 25 days of paid leave [4][0][250].", {}, PASSAGES)

    assert (checked.text, checked.dropped) == ("Employees get 25 days of paid leave.", 3)


def test_numbers_follow_the_order_of_appearance_and_a_quote_keeps_its_number():
    text = "Unused leave expires on 31 March [2]. Employees get 25 days [1]. It expires on 31 March [2]."

    checked = check_citations(text, {}, PASSAGES)

    assert RENDERED_MARKER.findall(checked.text) == ["1", "2", "1"]
    assert [citation.passage.chunk_id for citation in checked.citations] == [2, 1]


def test_lists_and_ranges_of_numbers_are_taken_apart():
    text = "Employees get 25 days of leave; unused leave expires on 31 March [1, 2]. Leave days expire [1-2]."

    assert RENDERED_MARKER.findall(check_citations(text, {}, PASSAGES).text) == ["1", "2", "1", "2"]


def test_a_marker_that_opens_a_line_belongs_to_what_follows():
    checked = check_citations("Sources:\n- [2] Unused leave expires on 31 March.", {}, PASSAGES)

    assert checked.citations[0].passage.text == EXPIRY


def test_the_models_own_marker_and_its_native_citation_are_one():
    draft = DraftAnswer(source_count=3)
    draft.add_text("You get 25 days [1]")
    draft.add_citation(1, "Employees get 25 days of paid leave per calendar year.")
    draft.add_text(".")

    checked = check_citations(draft.text, draft.quotes, PASSAGES)

    assert (checked.text, len(checked.citations)) == ("You get 25 days [1].", 1)


def test_brackets_in_code_are_left_alone():
    text = "Use `days[1]`:\n\n```python\nx = days[2]\n```"

    assert check_citations(text, {}, PASSAGES).text == text


def test_a_marker_cannot_carry_a_link():
    text = (
        "Employees get 25 days of paid leave [1](https://evil.example/?q=secret).\n[1]: https://evil.example"
    )

    checked = check_citations(text, {}, PASSAGES)

    assert "](" not in checked.text
    assert "\n[1]:" not in checked.text


def test_dropping_a_marker_cannot_make_another_one():
    checked = check_citations("Employees get 25 days of paid leave [1]. Or [[9]1].", {}, PASSAGES)

    assert RENDERED_MARKER.findall(checked.text) == ["1"]


def test_a_citation_stands_before_the_white_space_that_came_before_it():
    draft = DraftAnswer(source_count=3)

    streamed = [draft.add_text("25 days.\n\n"), draft.add_citation(1, "25 days"), draft.add_text("Next")]

    assert streamed == ["25 days.", " [1]", "\n\nNext"]
    assert draft.text == "".join(streamed)


def test_a_citation_of_nothing_served_leaves_no_marker():
    draft = DraftAnswer(source_count=3)

    assert [draft.add_citation(0, "x"), draft.add_citation(4, "x")] == ["", ""]
    assert draft.unserved == 2


def test_what_only_looks_like_code_hides_no_marker():
    text = "Employees get 25 days of paid leave [1]. \\`The moon is cheese [1]`"

    checked = check_citations(text, {}, PASSAGES)

    assert RENDERED_MARKER.findall(checked.text) == ["1"]


def test_an_escaped_marker_is_not_shown_as_one():
    checked = check_citations(r"Employees get 25 days of paid leave [1]. See \[1\].", {}, PASSAGES)

    assert render(checked.text, {1: "/x"}).count("data-citation") == 1


def test_markers_can_be_taken_out():
    assert strip_markers("25 days [1][2]. More [3].") == "25 days. More."


QUOTES = st.sampled_from([LEAVE[14:50], EXPIRY[:30], "zzz"])
PIECES = st.sampled_from(
    [
        "Employees get 25 days of paid leave",
        " Unused leave expires",
        "[1]",
        "[2]",
        " [3]",
        "[9]",
        "[",
        "]",
        "1",
    ]
    + ["2, ", " ", "\n", "`", "```", "(", ")", ":", "【1】", ". ", "[1-3]", "> ", "\\"]
)


@given(st.lists(PIECES, max_size=25).map("".join))
def test_whatever_a_model_writes_the_markers_left_are_one_to_k(text):
    checked = check_citations(text, {}, PASSAGES)

    numbers = [citation.number for citation in checked.citations]
    assert numbers == list(range(1, len(numbers) + 1))
    html = render(checked.text, dict.fromkeys(range(1, 100), "/x"))
    linked = [int(number) for number in re.findall(r'data-citation="(\d+)"', html)]
    assert set(linked) <= set(numbers)
    if "`" not in text:
        assert list(dict.fromkeys(RENDERED_MARKER.findall(checked.text))) == [
            str(number) for number in numbers
        ]
    for citation in checked.citations:
        assert citation.passage.text[citation.start : citation.end].strip()


@given(
    st.lists(
        st.one_of(
            st.text(max_size=20),
            st.tuples(st.integers(-1, 5), QUOTES),
        ),
        max_size=12,
    )
)
def test_every_native_quote_that_is_kept_stands_in_its_passage(events):
    draft = DraftAnswer(source_count=3)
    streamed = ""
    for event in events:
        streamed += draft.add_text(event) if isinstance(event, str) else draft.add_citation(*event)

    assert streamed == draft.text
    for citation in check_citations(draft.text, draft.quotes, PASSAGES).citations:
        quote = citation.as_dict(7)["quote"]
        assert quote and quote in citation.passage.text


@pytest.mark.parametrize(
    "unit",
    [
        "\t",
        " ",
        "[1 ",
        "[1,",
        "【1†",
        "[1](",
        "`",
        "` ``",
        "```",
        "~~~",
        "\n```\n",
        "\n[a",
        "[1]",
        "\n",
        "\n[a]",
    ],
)
def test_reading_markers_takes_linear_time(unit):
    def seconds(length: int) -> float:
        text = "[" + (unit * length)[:length]
        started = time.thread_time()
        find_runs(text, {})
        strip_markers(text)
        without_lookalikes(text)
        return time.thread_time() - started

    # What is quadratic takes 256 times as long; what is linear 16 times, however busy the machine is.
    assert seconds(160_000) < 80 * max(seconds(10_000), 0.002)
