"""Which known word an unknown one was meant to be. Pure."""

from collections.abc import Iterable


def edit_distance(a: str, b: str) -> int:
    """Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours, each counted 1."""
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        now = [i]
        for j, y in enumerate(b, 1):
            distance = min(last[j] + 1, now[-1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                distance = min(distance, before[j - 2] + 1)
            now.append(distance)
        before, last = last, now
    return last[-1]


def best_corrections(candidates: Iterable[tuple[str, str, int]]) -> dict[str, str]:
    """The nearest known word for each unknown one, from `(unknown, known, frequency)`; words with none near are absent.

    One edit is allowed in words of less than 8 letters, two in longer ones; ties go to the more frequent word.
    """
    best: dict[str, tuple[int, int, str]] = {}
    for unknown, known, frequency in candidates:
        distance = edit_distance(unknown, known)
        if distance <= (1 if len(unknown) < 8 else 2):
            found = (distance, -frequency, known)
            best[unknown] = min(best.get(unknown, found), found)
    return {unknown: known for unknown, (_, _, known) in best.items()}
