import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.spelling import best_corrections, edit_distance, joined_neighbours

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
        ("whael", "whale", 5),
        ("hydruslic", "hydraul", 9),
        ("hydruslic", "hydraulic", 3),
        ("tree", "trick", 9),
    ]

    assert best_corrections(candidates) == {"whael": "whale", "hydruslic": "hydraulic"}


def test_ties_go_to_the_more_frequent_word():
    assert best_corrections([("bost", "boat", 3), ("bost", "best", 8)]) == {"bost": "best"}


def test_short_neighbours_are_joined_once_and_only_if_the_question_lacks_them():
    assert joined_neighbours("How do I back up?") == ["backup"]
    assert joined_neighbours("log-in or Log in") == ["login"]
    assert joined_neighbours("back up the backup") == []
    assert joined_neighbours("internationalisation of a") == []
