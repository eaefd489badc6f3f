"""What every comparison takes on its command line: parts, servers, how long, and where its lines of JSON go."""

import argparse
from collections.abc import Collection, Sequence
from pathlib import Path

from bench.program import ROOT


class ComparisonParser(argparse.ArgumentParser):
    """`python -m bench NAME [PART...] [--quick | --tiny] [--servers A,B] [--json FILE]`, and what is added to it."""

    def __init__(
        self,
        name: str,
        description: str | None,
        *,
        parts: Collection[str],
        servers: Collection[str],
        quick: str,
    ) -> None:
        super().__init__(prog=f"python -m bench {name}", description=description)
        self._parts, self._servers = parts, servers
        self.add_argument("parts", nargs="*", metavar="PART", help=f"some of: {', '.join(parts)} (all)")
        size = self.add_mutually_exclusive_group()
        size.add_argument("--quick", action="store_true", help=quick)
        size.add_argument("--tiny", action="store_true", help="only to see that it runs")
        self.add_argument(
            "--servers", type=lambda text: text.split(","), help=f"some of: {','.join(servers)}"
        )
        lines = ROOT / "var" / f"bench-{name}.jsonl"
        self.add_argument("--json", type=Path, default=lines, metavar="FILE")

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The options. Ends the program where a part or a server does not exist."""
        options = self.parse_args(arguments)
        if unknown := set(options.parts) - set(self._parts):
            self.error(f"no such part: {', '.join(sorted(unknown))}")
        if unknown := set(options.servers or ()) - set(self._servers):
            self.error(f"no such server: {', '.join(sorted(unknown))}")
        return options
