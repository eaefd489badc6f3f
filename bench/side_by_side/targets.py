"""The targets of the issue, and whether figures reach them."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

OURS = "parley"
# The same work over the processor time of the server, with PostgreSQL where it takes part.
_BY_CPU = {
    "deliveries_s": "deliveries_cpu_s",
    "posts_s": "posts_cpu_s",
    "ready_per_s": "ready_per_server_cpu_s",
}
Samples = Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]  # by server and key of the measurement


@dataclass(frozen=True, slots=True)
class Target:
    """Parley's figure over that of `baseline`, or the figure itself without one, has this bound.

    An empty `key` means every measurement of the part. Beside it stands the ratio of what a second of processor time
    did, which other work on the machine disturbs far less.
    """

    key: str
    figure: str
    baseline: str | None
    at_least: float | None = None
    at_most: float | None = None

    def verdicts(self, samples: Samples) -> list[list[str]]:
        """Rows of `[measurement, figure, against, value, by CPU, target, OK or short]`; none where one side lacks."""
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
        return [
            *(key, self.figure, against, f"{value:.2f}", self._by_cpu(samples, key)),
            *(bound, "OK" if reached else "short"),
        ]

    def _by_cpu(self, samples: Samples, key: str) -> str:
        figure = _BY_CPU.get(self.figure)
        if figure is None or self.baseline is None:
            return ""
        ours, theirs = (median(samples.get((name, key), ()), figure) for name in (OURS, self.baseline))
        return f"{ours / theirs:.2f}" if ours and theirs else ""


def median(figures: Sequence[Mapping[str, Any]], name: str) -> float | None:
    """The median of a figure over the rounds that went well; None if there are none."""
    values = [each[name] for each in figures if name in each and not each["problem"]]
    return statistics.median(values) if values else None
