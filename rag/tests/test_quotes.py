import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.quotes import find_quote, find_support
from rag.text.sentences import split_sentences


@pytest.mark.parametrize(
    ("quote", "text", "found"),
    [
        ("the “quick” fox", 'See the "quick"  fox.', 'the "quick"  fox'),
        ("co-op", "A co\u00adop and a co\u2011op.", "co\u2011op"),
        ("ﬁne print", "The fine\nprint", "fine\nprint"),
        ("STRASSE", "Die Straße ist lang", "Straße"),
        ("cafe\u0301", "un café noir", "café"),
        ("年次休暇", "社員の年次休暇は25日です。", "年次休暇"),
        ("Employees get", " Employees\u00a0get 25", "Employees\u00a0get"),
    ],
)
def test_a_quote_is_found_although_its_form_changed(quote, text, found):
    start, end = find_quote(quote, text)

    assert text[start:end] == found


@pytest.mark.parametrize("quote", ["", " ", "...", "“”", "25 day", "mployees", "weeks"])
def test_what_does_not_stand_there_is_not_found(quote):
    assert find_quote(quote, "Employees get 125 days.") is None


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60), st.data())
def test_a_slice_of_whole_words_is_found_at_a_place_with_the_same_words(text, data):
    words = text.split()
    text = " ".join(words)
    if not words:
        return
    first = data.draw(st.integers(0, len(words) - 1))
    quote = " ".join(words[first : first + 3])

    span = find_quote(quote, text)

    if span is not None:
        assert 0 <= span[0] < span[1] <= len(text)
    elif quote.isascii():
        assert not any(character.isalnum() for character in quote)


def test_support_is_the_sentence_that_says_it_most_briefly():
    text = "Leave is a long story about days, leave and years of waiting for leave. Leave is 25 days."

    start, end = find_support("You have 25 days of leave", text, split_sentences(text))

    assert text[start:end] == "Leave is 25 days."


def test_one_common_word_of_many_is_no_support():
    text = "The office is closed."

    assert find_support("The office parrot learned seven languages", text, split_sentences(text)) is None
