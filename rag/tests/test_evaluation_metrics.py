"""Measures of rankings and comparisons of runs, against values worked out by hand."""

from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.evaluation.comparison import Change, compare
from rag.evaluation.metrics import Scores, mean_scores, ndcg_at, recall_at, reciprocal_rank, scores_of

GRADES = {"a": 3, "b": 2, "c": 1}
IDEAL = 3 + 2 / log2(3) + 1 / 2


@pytest.mark.parametrize(
    ("ranked", "expected"),
    [
        ("abc", 1.0),
        ("cba", (1 + 2 / log2(3) + 3 / 2) / IDEAL),
        ("xxabc", (3 / log2(3) + 2 / 2 + 1 / log2(5)) / IDEAL),  # x counts once, at its first place
        ("xy", 0.0),
        ("", 0.0),
        ("ghijklmnopabc", 0.0),  # below the tenth
        ("aab", (3 + 2 / log2(3)) / IDEAL),
    ],
)
def test_ndcg_has_the_values_of_its_formula(ranked, expected):
    assert ndcg_at(ranked, GRADES, 10) == pytest.approx(expected)


def test_ndcg_of_a_graded_example_from_the_literature():
    # Wikipedia, "Discounted cumulative gain": 3 2 3 0 1 2 against the best order 3 3 3 2 2 2 of what is known, at 6.
    grades = dict(zip("abcdefgh", (3, 2, 3, 0, 1, 2, 3, 2), strict=True))
    assert ndcg_at("abcdef", grades, 6) == pytest.approx(0.785, abs=5e-4)


def test_recall_and_reciprocal_rank_stop_at_their_depth():
    assert recall_at("xaxb", GRADES, 20) == pytest.approx(2 / 3)
    assert recall_at("xab", GRADES, 2) == pytest.approx(1 / 3)
    assert reciprocal_rank("xyab", GRADES, 20) == pytest.approx(1 / 3)
    assert reciprocal_rank("xyab", GRADES, 2) == 0
    assert scores_of("ba", {"a": 1, "z": 0}, depth=1) == Scores(
        ndcg=pytest.approx(1 / log2(3)), recall=0.0, mrr=0.0
    )


def test_without_relevant_documents_everything_is_zero():
    assert scores_of("ab", {}, depth=5) == scores_of("ab", {"a": 0}, depth=5) == Scores(0.0, 0.0, 0.0)


rankings = st.lists(st.integers(0, 30), max_size=40)
gradings = st.dictionaries(st.integers(0, 30), st.integers(0, 3), max_size=20)


@given(rankings, gradings, st.integers(1, 30))
def test_every_measure_is_between_none_and_all(ranked, grades, depth):
    scores = scores_of(ranked, grades, depth=depth)
    assert all(0 <= value <= 1 for value in (scores.ndcg, scores.recall, scores.mrr))


@given(gradings.filter(lambda grades: any(grades.values())), rankings)
def test_the_best_order_is_perfect_whatever_follows(grades, others):
    best = sorted((one for one in grades if grades[one] > 0), key=lambda one: -grades[one])
    assert scores_of([*best, *others], grades, depth=20) == Scores(1.0, 1.0, 1.0)


@given(rankings, gradings, st.data())
def test_a_better_document_further_up_is_never_worse(ranked, grades, data):
    ranked = list(dict.fromkeys(ranked))
    if len(ranked) < 2:
        return
    place = data.draw(st.integers(0, len(ranked) - 2))
    above, below = ranked[place], ranked[place + 1]
    if grades.get(above, 0) > grades.get(below, 0):
        above, below = below, above
    worse = [*ranked[:place], above, below, *ranked[place + 2 :]]
    better = [*ranked[:place], below, above, *ranked[place + 2 :]]
    assert ndcg_at(better, grades, 10) >= ndcg_at(worse, grades, 10) - 1e-12


def score(ndcg: float) -> Scores:
    return Scores(ndcg, ndcg, ndcg)


def test_a_comparison_lists_what_got_better_and_worse_and_compares_the_same_questions():
    before = {1: score(0.5), 2: score(0.9), 3: score(0.4), 4: score(1.0)}
    after = {1: score(0.6), 2: score(0.2), 3: score(0.9), 5: score(0.0), 4: score(1.0 - 1e-12)}

    found = compare(before, after)

    assert [change.question for change in found.better] == [3, 1]
    assert [change.question for change in found.worse] == [2]
    assert (found.same, found.only_before, found.only_after) == (1, (), (5,))
    assert found.before == score(pytest.approx(0.7)) and found.after == score(pytest.approx(0.675))
    assert found.better[0].ndcg == pytest.approx(0.5)


def test_runs_without_a_common_question_have_no_means():
    found = compare({1: score(1)}, {2: score(0)})

    assert (found.before, found.after, found.only_before, found.only_after) == (None, None, (1,), (2,))
    assert mean_scores([]) is None


def test_a_change_of_any_measure_is_a_change():
    assert Change(1, Scores(1, 1, 1), Scores(1, 0.5, 1)).differs
    assert not Change(1, Scores(1, 1, 1), Scores(1, 1, 1)).differs
