from dataclasses import replace

from rag.retrieval.reasons import Correction, corrections_of, reasons_of
from rag.tests.passages import COFFEE, EXPIRY, LEAVE, make_passage

PASSAGE = make_passage(LEAVE)


def test_words_are_told_as_they_were_written_once_and_in_their_order():
    reasons = reasons_of("Paid leaving of Employees, paid or unpaid?", [], PASSAGE)

    assert reasons.words == ("Paid", "leaving", "Employees")


def test_words_of_the_title_and_the_heading_count():
    assert reasons_of("handbook work", [], PASSAGE).words == ("handbook", "work")


def test_what_a_word_was_taken_for_and_words_written_together_are_told():
    passage = make_passage("A backup of the calendar")

    assert reasons_of("back up the calender", [Correction("calender", "calendar")], passage).words == (
        "calendar",
        "backup",
    )


def test_close_in_meaning_is_said_from_a_cosine_of_45_hundredths():
    assert reasons_of("x", [], replace(PASSAGE, cosine=0.45)).is_close_in_meaning
    assert not reasons_of("x", [], replace(PASSAGE, cosine=0.44)).is_close_in_meaning
    assert not reasons_of("x", [], replace(PASSAGE, cosine=None)).is_close_in_meaning


def test_corrections_are_told_in_whole_words_of_the_query_and_of_what_was_found():
    passages = [make_passage(text) for text in (EXPIRY, COFFEE, "Exception, exceptions and exceptions")]

    assert corrections_of("Which exeptions?", {"exept": "except"}, passages) == [
        Correction("exeptions", "exceptions")
    ]


def test_a_stem_that_no_word_begins_with_is_told_as_it_is():
    assert corrections_of("calender", {"calend": "calendar"}, []) == [Correction("calender", "calendar")]
    assert corrections_of("baterry", {"baterri": "batteri"}, [make_passage("One battery")]) == [
        Correction("baterry", "battery")
    ]


def test_words_of_another_language_are_told_in_whatever_form_the_passage_has_them():
    passage = make_passage(
        "Die Häuser in der Straße sind alt, und die Kündigungen der Verträge sind im Ordner."
    )

    assert reasons_of("Wo ist die Kündigung für das Haus?", [], passage).words == ("Kündigung", "Haus")


def test_a_correction_is_told_with_its_accents():
    passage = make_passage("Die Verträge sind im Ordner.")

    assert corrections_of("Vertärge", {"vertarg": "vertrag"}, [passage]) == [
        Correction("vertärge", "verträge")
    ]
