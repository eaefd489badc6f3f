"""What names and texts become before they are stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.errors import BadInput
from chat.text import check_line, check_name, clean_line, clean_text

ANYTHING = st.text(st.characters() | st.sampled_from("\x00\x1b\x7f\x85\u2028\ud800 \n\t"))


@given(ANYTHING)
def test_what_was_cleaned_can_be_stored_and_stays_as_it_is(text):
    line, lines = clean_line(text), clean_text(text)

    for clean in (line, lines):
        clean.encode()
        assert not any(ord(c) < 32 and c not in "\n\t\r" or 127 <= ord(c) < 160 for c in clean)
    assert clean_line(line) == line and clean_text(lines) == lines
    assert line == " ".join(line.split())


def test_a_text_keeps_its_lines_and_a_line_does_not():
    assert clean_text(" one\x00\n\ttwo\x1b \n") == "one\n\ttwo"
    assert clean_line(" one\x00\n\ttwo\x1b \n") == "one two"


@pytest.mark.parametrize("name", ["", " \n", "\x00", "\ud800", "n" * 81, None, 7])
def test_a_name_has_characters_and_not_too_many(name):
    with pytest.raises(BadInput) as refused:
        check_name(name)
    assert refused.value.fields == {"name": "must have 1 to 80 characters"}


def test_a_line_may_be_empty_and_is_refused_rather_than_cut():
    assert check_line("\x00", field="topic", max_characters=3) == ""
    assert check_line(" abc ", field="topic", max_characters=3) == "abc"
    for wrong in ("abcd", 7):
        with pytest.raises(BadInput) as refused:
            check_line(wrong, field="topic", max_characters=3)
        assert list(refused.value.fields) == ["topic"]
