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
        (1, "whael", "whale", 5),
        (3, "hydruslic", "hydraul", 9),
        (3, "hydruslic", "hydraulic", 3),
        (4, "tree", "trick", 9),
    ]

    assert best_corrections(candidates) == {1: ("whael", "whale"), 3: ("hydruslic", "hydraulic")}


def test_ties_go_to_the_more_frequent_word():
    assert best_corrections([(1, "bost", "boat", 3), (1, "bost", "best", 8)]) == {1: ("bost", "best")}


def test_of_a_words_stems_in_several_languages_the_one_nearest_to_a_known_one_decides():
    candidates = [(1, "vertrage", "vertreter", 40), (1, "vertrga", "vertrag", 2), (1, "vertrgae", "vertrage", 2)]

    assert best_corrections(candidates) == {1: ("vertrga", "vertrag")}


def test_short_neighbours_are_joined_once_and_only_if_the_question_lacks_them():
    assert joined_neighbours("How do I back up?") == ["backup"]
    assert joined_neighbours("log-in or Log in") == ["login"]
    assert joined_neighbours("back up the backup") == []
    assert joined_neighbours("internationalisation of a") == []
