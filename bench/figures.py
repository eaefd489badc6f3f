"""Numbers in, a table out."""

import os
import statistics
from collections.abc import Iterable, Sequence


def percentile(values: Iterable[float], percent: float) -> float:
    """The value below which `percent` of the values lie, interpolated between neighbours.

    Raises:
        ValueError: there are no values.
    """
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    place = (len(ordered) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def spread(values: Sequence[float], digits: int = 1) -> list[str]:
    """Median, least and greatest, as the cells of a table."""
    return [f"{value:.{digits}f}" for value in (statistics.median(values), min(values), max(values))]


def print_table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]], *notes: str) -> None:
    """Print columns as wide as their longest cell; the notes below end with how busy the machine is."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    print(f"\n{title}")
    for row in (cells[0], ["-" * width for width in widths], *cells[1:]):
        first, *others = (
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join([first, *others]))
    for note in (*notes, f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"):
        print(f"  {note}")
    print(flush=True)
