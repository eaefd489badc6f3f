"""Measures of a ranking against documents known to be relevant. Pure.

As trec_eval computes them, with linear gain: a document of grade g at rank r adds g / log2(r + 1). A document that is
ranked twice counts at its first place only. Grades of 0 and below are not relevant.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, log2
from statistics import fmean
from typing import TypeVar

Id = TypeVar("Id", bound=Hashable)
NDCG_DEPTH = 10


@dataclass(frozen=True, slots=True)
class Scores:
    """Each from 0 to 1; 1 is best.

    Attributes:
        ndcg: nDCG@10: relevant documents, those of high grades first, within ten.
        recall: the share of relevant documents within the depth of the run.
        mrr: the reciprocal of the first relevant document's rank within that depth; 0 if there is none.
    """

    ndcg: float
    recall: float
    mrr: float


def scores_of(ranked: Sequence[Id], grades: Mapping[Id, int], *, depth: int) -> Scores:
    """All three of a ranking that is looked at down to `depth`."""
    return Scores(
        ndcg=ndcg_at(ranked, grades, NDCG_DEPTH),
        recall=recall_at(ranked, grades, depth),
        mrr=reciprocal_rank(ranked, grades, depth),
    )


def mean_scores(scores: Iterable[Scores]) -> Scores | None:
    """The mean of each measure over questions; None of no question."""
    found = list(scores)
    if not found:
        return None
    return Scores(
        ndcg=fmean(one.ndcg for one in found),
        recall=fmean(one.recall for one in found),
        mrr=fmean(one.mrr for one in found),
    )


def ndcg_at(ranked: Sequence[Id], grades: Mapping[Id, int], depth: int) -> float:
    """Discounted gain of the first `depth`, divided by that of the best possible order; 0 if nothing is relevant.

    Source: Järvelin and Kekäläinen 2002, with the discount log2(rank + 1).
    """
    best = _discounted(sorted(grades.values(), reverse=True)[:depth])
    if best == 0:
        return 0.0
    return min(1.0, _discounted([grades.get(one, 0) for one in _once(ranked)[:depth]]) / best)


def recall_at(ranked: Sequence[Id], grades: Mapping[Id, int], depth: int) -> float:
    """The share of relevant documents among the first `depth`; 0 if nothing is relevant."""
    relevant = _relevant(grades)
    return len(relevant.intersection(_once(ranked)[:depth])) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranked: Sequence[Id], grades: Mapping[Id, int], depth: int) -> float:
    """1 / rank of the first relevant document among the first `depth`; 0 if there is none."""
    relevant = _relevant(grades)
    ranks = (rank for rank, one in enumerate(_once(ranked)[:depth], 1) if one in relevant)
    return 1 / next(ranks, float("inf"))


def _discounted(gains: Iterable[int]) -> float:
    return fsum(gain / log2(rank + 1) for rank, gain in enumerate(gains, 1) if gain > 0)


def _relevant(grades: Mapping[Id, int]) -> set[Id]:
    return {one for one, grade in grades.items() if grade > 0}


def _once(ranked: Sequence[Id]) -> list[Id]:
    return list(dict.fromkeys(ranked))
