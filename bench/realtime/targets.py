"""The targets of the issue, and whether figures reach them."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

OURS = "parley"
Samples = Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]  # by server and key of the measurement


@dataclass(frozen=True, slots=True)
class Target:
    """Parley's figure over that of `baseline`, or the figure itself without one, has this bound.

    An empty `key` means every measurement of the part.
    """

    key: str
    figure: str
    baseline: str | None
    at_least: float | None = None
    at_most: float | None = None

    def verdicts(self, samples: Samples) -> list[list[str]]:
        """Rows of `[measurement, figure, against, value, target, OK or short]`, for what was measured on both sides."""
        keys = [self.key] if self.key else sorted({key for server, key in samples if server == OURS})
        return [row for key in keys if (row := self._verdict(samples, key))]

    def _verdict(self, samples: Samples, key: str) -> list[str] | None:
        ours = median(samples.get((OURS, key), ()), self.figure)
        theirs = 1.0 if self.baseline is None else median(samples.get((self.baseline, key), ()), self.figure)
        if ours is None or theirs is None or not theirs:
            return None
        value = ours / theirs
        if self.at_least is not None:
            reached, bound = value >= self.at_least, f">= {self.at_least:g}"
        else:
            assert self.at_most is not None
            reached, bound = value <= self.at_most, f"<= {self.at_most:g}"
        against = f"parley / {self.baseline}" if self.baseline else "parley"
        return [key, self.figure, against, f"{value:.2f}", bound, "OK" if reached else "short"]


def median(figures: Sequence[Mapping[str, Any]], name: str) -> float | None:
    """The median of a figure over the rounds that went well; None if there are none."""
    values = [each[name] for each in figures if name in each and not each["problem"]]
    return statistics.median(values) if values else None
