"""`python -m bench retrieval`: quality on judged sets, or with `--chunks N` speed on a large synthetic corpus."""

import argparse
from collections.abc import Sequence


def main(arguments: Sequence[str] = ()) -> None:
    """Without options the judged sets of RETRIEVAL_DATA."""
    parser = argparse.ArgumentParser(prog="python -m bench retrieval", description=__doc__)
    parser.add_argument("--chunks", type=int, help="make a corpus of so many chunks and measure on it")
    options = parser.parse_args(arguments)
    if options.chunks is None:
        from bench.retrieval import judged

        judged.main()
    else:
        from bench.retrieval import scale

        scale.main(options.chunks)
