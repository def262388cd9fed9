"""`python -m benchmarks.resilience [--only WORD …] [--seconds N]`: attack the gateway, and print one table."""

import argparse
import sys
from collections.abc import Sequence

from benchmarks.__main__ import allow_descriptors
from benchmarks.processes import Worker
from benchmarks.resilience.scenarios import ATTACKS, Row, measure

_DESCRIPTORS = 17_000
_HEADINGS = ("attack", "p50 ms", "p99 ms", "x p50", "x p99", "MiB before", "peak", "after", "note")


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    allow_descriptors(_DESCRIPTORS)
    print(f"| {' | '.join(_HEADINGS)} |\n|{' --- |' * len(_HEADINGS)}", flush=True)
    with Worker("backend") as backend:
        url = f"http://127.0.0.1:{backend.report()['port']}"
        for name in ATTACKS:
            if not options.only or any(word in name for word in options.only):
                print(_line(measure(name, url, options.seconds)), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.resilience", description=sys.modules["benchmarks.resilience"].__doc__
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help=f"part of: {'; '.join(ATTACKS)}")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each phase (default: %(default)s)")
    return parser


def _line(row: Row) -> str:
    quiet, attacked = row.quiet, row.attacked
    cells = (
        row.attack,
        f"{quiet['p50_ms']:.2f} → {attacked['p50_ms']:.2f}",
        f"{quiet['p99_ms']:.2f} → {attacked['p99_ms']:.2f}",
        f"{attacked['p50_ms'] / quiet['p50_ms']:.2f}",
        f"{attacked['p99_ms'] / quiet['p99_ms']:.2f}",
        *(f"{size / 2**20:.0f}" for size in (row.before, row.peak, row.after)),
        row.note,
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
