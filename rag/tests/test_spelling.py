import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.spelling import best_corrections, edit_distance, is_near, joined_neighbours, near_patterns

words = st.text("abcd", max_size=8)


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [
        ("", "", 0),
        ("abc", "abc", 0),
        ("abc", "acb", 1),
        ("abc", "ab", 1),
        ("kitten", "sitting", 3),
        ("ca", "abc", 3),
    ],
)
def test_edit_distance_counts_swaps_of_neighbours_once(a, b, distance):
    assert edit_distance(a, b) == distance


@given(words, words)
def test_edit_distance_is_symmetric_and_bounded(a, b):
    assert edit_distance(a, b) == edit_distance(b, a)
    assert abs(len(a) - len(b)) <= edit_distance(a, b) <= max(len(a), len(b))


def test_short_words_may_have_one_error_long_ones_two():
    candidates = [
        (1, "whael", "whale", 5),
        (3, "hydruslic", "hydraul", 9),
        (3, "hydruslic", "hydraulic", 3),
        (4, "tree", "trick", 9),
    ]

    assert best_corrections(candidates) == {1: ("whael", "whale"), 3: ("hydruslic", "hydraulic")}


def fits(known: str, patterns: list[str]) -> bool:
    return any(re.fullmatch(pattern.replace("%", ".*"), known) for pattern in patterns)


@given(st.text("abc", min_size=4, max_size=7), st.text("abc", min_size=3, max_size=8))
def test_patterns_miss_no_word_that_is_one_edit_away(unknown, known):
    if is_near(unknown, known):
        assert fits(known, near_patterns(unknown))


@pytest.mark.parametrize("unknown", ["abcdefgh", "abcdefghi", "abcdefghij", "abcdefghijk"])
def test_patterns_miss_no_long_word_of_which_two_letters_are_wrong_missing_or_too_many(unknown):
    once = {
        unknown[:n] + letter + unknown[n + gone :]
        for n in range(len(unknown))
        for letter in ("x", "")
        for gone in (0, 1)
    }
    twice = {
        word[:n] + letter + word[n + gone :]
        for word in once
        for n in range(len(word))
        for letter in ("y", "")
        for gone in (0, 1)
    }

    assert [word for word in twice if not fits(word, near_patterns(unknown))] == []


def test_patterns_of_long_words_are_of_parts_that_an_index_over_trigrams_can_find():
    assert near_patterns("abcdefgh") == ["ab%", "%cde%", "%fgh"]
    assert near_patterns("abcde") == ["ab%", "%cde", "acbde"]


def test_ties_go_to_the_more_frequent_word():
    assert best_corrections([(1, "bost", "boat", 3), (1, "bost", "best", 8)]) == {1: ("bost", "best")}


def test_of_a_words_stems_in_several_languages_the_one_nearest_to_a_known_one_decides():
    candidates = [
        (1, "vertrage", "vertreter", 40),
        (1, "vertrga", "vertrag", 2),
        (1, "vertrgae", "vertrage", 2),
    ]

    assert best_corrections(candidates) == {1: ("vertrga", "vertrag")}


def test_short_neighbours_are_joined_once_and_only_if_the_question_lacks_them():
    assert joined_neighbours("How do I back up?") == ["backup"]
    assert joined_neighbours("log-in or Log in") == ["login"]
    assert joined_neighbours("back up the backup") == []
    assert joined_neighbours("internationalisation of a") == []
