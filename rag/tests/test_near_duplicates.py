import pytest

from rag.retrieval.near_duplicates import without_near_duplicates
from rag.tests.passages import make_passage

WORDS = (
    "the hydraulic pump on line seven runs at nine hundred turns a minute and must stay below six bar whatever the"
    " weather says because the seals of the old series do not hold more and nobody sells them any longer so a new"
    " pump would be needed which the works council has to be asked about before anything is bought or rented"
).split()
TEXT = " ".join(WORDS)


def kept(*texts: str) -> list[str]:
    return [
        one.text for one in without_near_duplicates(make_passage(text, n) for n, text in enumerate(texts, 1))
    ]


def test_the_first_of_equal_texts_is_kept_whatever_the_case_and_marks():
    again = TEXT.upper().replace(" ", "  ") + "!"

    assert kept(TEXT, "whale song", again) == [TEXT, "whale song"]


def test_a_changed_word_in_a_long_text_makes_no_other_text():
    changed = TEXT.replace("weather", "forecast")

    assert kept(TEXT, changed) == [TEXT]


def test_another_number_makes_another_text():
    old, new = (f"Price list of {year}. {TEXT}" for year in (2025, 2026))

    assert kept(old, new) == [old, new]


def test_a_text_with_a_third_of_other_words_is_another():
    changed = " ".join(WORDS[:40] + [word[::-1] for word in WORDS[40:]])

    assert kept(TEXT, changed) == [TEXT, changed]


def test_a_part_of_a_text_is_no_duplicate_of_it():
    part = " ".join(WORDS[:30])

    assert kept(TEXT, part) == [TEXT, part]


@pytest.mark.parametrize("other", ["The pump must not run.", "The pump must run now.", "Pump, the must run."])
def test_short_texts_must_be_the_same_word_for_word(other):
    assert kept("The pump must run.", other, "the PUMP must run") == ["The pump must run.", other]


def test_texts_without_words_are_duplicates_of_each_other():
    assert kept("---", "***", "pump") == ["---", "pump"]


def test_nothing_comes_of_nothing():
    assert kept() == []
