"""`python -m bench [NAME...]`: all benchmarks, or those named. `realtime`, `graphql` and `retrieval` take options."""

import argparse
import importlib
import sys

# From the quietest to the busiest, so that none heats the machine for the next.
NAMES = ("startup", "memory", "first_delta", "ingestion", "retrieval", "realtime", "graphql")


def main() -> None:
    """Run them one after the other; each prints its own table."""
    if sys.argv[1:2] in (["realtime"], ["graphql"], ["retrieval"]):
        importlib.import_module(f"bench.{sys.argv[1]}").main(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(NAMES)} (all)")
    names = parser.parse_args().names
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}")
    for name in names or NAMES:
        importlib.import_module(f"bench.{name}").main()


if __name__ == "__main__":
    main()
