"""How long a start takes until the first page is there, and an end.

Cold: an empty data directory, so the database is made, migrated and filled with the demo. Warm: the same
directory again, its documents all processed.
"""

from bench.figures import print_table, spread
from bench.program import Program, data_folder

RUNS = 5


def main() -> None:
    """Print seconds of cold and warm starts, and of the ends that followed."""
    figures: dict[str, list[float]] = {"cold start": [], "warm start": [], "stop": []}
    for _ in range(RUNS):
        with data_folder() as folder:
            for kind in ("cold start", "warm start"):
                program = Program(folder)
                try:
                    figures[kind].append(program.start())
                    program.settle()
                finally:
                    stopped = program.stop()
                figures["stop"].append(stopped)
    targets = {"cold start": "10", "warm start": "4", "stop": "10"}
    print_table(
        f"`manage.py up` to the first page (GET /sign-in/), seconds, {RUNS} runs",
        ["", "median", "min", "max", "target"],
        [[kind, *spread(values, 2), f"< {targets[kind]}"] for kind, values in figures.items()],
    )


if __name__ == "__main__":
    main()
