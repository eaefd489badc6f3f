"""One emoji, whatever it is made of; equal ones are equal strings; nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.emoji import EMOJI_MAX_CHARACTERS, check_emoji
from chat.errors import BadInput

FULLY_QUALIFIED = [
    "👍",
    "👍🏽",
    "❤️",
    "☝🏿",
    "1️⃣",
    "#️⃣",
    "🇨🇭",
    "🏳️‍🌈",
    "🏴‍☠️",
    "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "👨‍👩‍👧‍👦",
    "👩🏽‍⚕️",
    "🧑🏻‍❤️‍💋‍🧑🏿",
    "👁️‍🗨️",
    "⛓️‍💥",
    "🫨",
    "©️",
]


@pytest.mark.parametrize("emoji", FULLY_QUALIFIED)
def test_an_emoji_is_kept_as_it_is(emoji):
    assert check_emoji(emoji) == emoji


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("\u2764", "\u2764\ufe0f"),
        ("\U0001f44d\ufe0f", "\U0001f44d"),
        ("1\u20e3", "1\ufe0f\u20e3"),
        ("\u270c\ufe0f\U0001f3fd", "\u270c\U0001f3fd"),
        ("\U0001f3f3\u200d\U0001f308", "\U0001f3f3\ufe0f\u200d\U0001f308"),
        ("\U0001f469\U0001f3fd\u200d\u2695", "\U0001f469\U0001f3fd\u200d\u2695\ufe0f"),
    ],
)
def test_spellings_of_one_emoji_are_stored_as_one(typed, stored):
    assert check_emoji(typed) == stored
    assert check_emoji(stored) == stored


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a",
        "1",
        "#",
        ":+1:",
        "👍👍",
        " 👍",
        "👍\n",
        "👍\x00",
        "\u200d",
        "👍\u200d",
        "\u200d👍",
        "\ufe0f",
        "\u20e3",
        "❤\ufe0e",
        "🇨",
        "🇨🇭🇨",
        "🚗🏽",
        "🏴\U000e0078\U000e0078\U000e007f",
        "👍\u0301",
        "👨‍👩‍👧‍👦‍👦",
        "\ud83d\udc4d",
        "👍" * 500,
        None,
        5,
        ["👍"],
        {"emoji": "👍"},
    ],
)
def test_anything_else_is_refused(value):
    with pytest.raises(BadInput) as refused:
        check_emoji(value)
    assert refused.value.fields == {"emoji": "must be one emoji"}


@given(st.text(max_size=12) | st.text("👍❤🏽🇨🇭1\ufe0f\u20e3\u200d🏴", max_size=8))
def test_what_is_taken_is_stored_stably_and_within_its_length(text):
    try:
        stored = check_emoji(text)
    except BadInput:
        return
    assert check_emoji(stored) == stored
    assert 0 < len(stored) <= EMOJI_MAX_CHARACTERS
