"""What changed between two runs over the same questions. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from rag.evaluation.metrics import Scores, mean_scores

SAME = 1e-9  # what rounding makes of equal rankings


@dataclass(frozen=True, slots=True)
class Change:
    """One question in both runs, by its id."""

    question: int
    before: Scores
    after: Scores

    @property
    def ndcg(self) -> float:
        """How much nDCG@10 rose; negative where it fell."""
        return self.after.ndcg - self.before.ndcg

    @property
    def differs(self) -> bool:
        """Whether any of the measures changed."""
        pairs = zip(
            (self.before.ndcg, self.before.recall, self.before.mrr),
            (self.after.ndcg, self.after.recall, self.after.mrr),
            strict=True,
        )
        return any(abs(after - before) > SAME for before, after in pairs)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs. Means are over the questions of both; they are None where the runs have no question in common.

    Attributes:
        better: questions whose nDCG@10 rose, the most changed first. `worse`: those where it fell, likewise.
        same: how many kept their nDCG@10.
        only_before, only_after: questions of one run alone, in order; they are in no mean.
    """

    before: Scores | None
    after: Scores | None
    better: tuple[Change, ...]
    worse: tuple[Change, ...]
    same: int
    only_before: tuple[int, ...]
    only_after: tuple[int, ...]


def compare(before: Mapping[int, Scores], after: Mapping[int, Scores]) -> Comparison:
    """The changes from one run to another, given each one's scores by question id."""
    common = sorted(before.keys() & after.keys())
    changes = [Change(question, before[question], after[question]) for question in common]
    better = sorted((c for c in changes if c.ndcg > SAME), key=lambda c: (-c.ndcg, c.question))
    worse = sorted((c for c in changes if c.ndcg < -SAME), key=lambda c: (c.ndcg, c.question))
    return Comparison(
        before=mean_scores(before[question] for question in common),
        after=mean_scores(after[question] for question in common),
        better=tuple(better),
        worse=tuple(worse),
        same=len(changes) - len(better) - len(worse),
        only_before=tuple(sorted(before.keys() - after.keys())),
        only_after=tuple(sorted(after.keys() - before.keys())),
    )
