"""`python -m benchmarks [--only WORD …] [--seconds N] [--repeat N] [--json FILE]`: measure, and print a table."""

import argparse
import resource
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.gateway import Gateway
from benchmarks.processes import Worker
from benchmarks.report import Result, machine, summarize, table, write_json
from benchmarks.scenarios import SCENARIOS, Bench

_SPARE_DESCRIPTORS = 1_000


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    allow_descriptors(options.connections + _SPARE_DESCRIPTORS)
    results: list[Result] = []
    with ExitStack() as stack:
        bench = _bench(stack, options)
        for turn in range(options.repeat):
            for name in _chosen(options.only):
                print(f"{name}, run {turn + 1} of {options.repeat} …", file=sys.stderr, flush=True)
                results += SCENARIOS[name](bench)
    summaries = summarize(results)
    facts = machine()
    print(
        f"{facts['processor']}, {facts['cores']} cores, Python {facts['python']}, {facts['system']}, "
        f"load {facts['load_average'][0]}; medians of {options.repeat}\n"
    )
    print(table(summaries))
    if options.json:
        write_json(options.json, summaries, results)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=sys.modules["benchmarks"].__doc__)
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help=f"some of: {', '.join(SCENARIOS)}")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each load lasts (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=1, help="runs of everything, for medians (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=5_000, help="most connections held (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write figures and machine facts to FILE")
    parser.add_argument("--floor-only", action="store_true", help="measure the floor, without a gateway")
    return parser


def _chosen(words: Sequence[str]) -> list[str]:
    """The scenarios that a word names, or names the kind of; all without any word."""
    chosen = [name for name in SCENARIOS if not words or {name, name.partition("-")[0]} & set(words)]
    if not chosen:
        raise SystemExit(f"No scenario is called {' or '.join(words)}. There are: {', '.join(SCENARIOS)}.")
    return chosen


def _bench(stack: ExitStack, options: argparse.Namespace) -> Bench:
    """Start what all scenarios share; `stack` stops it."""
    backend = f"http://127.0.0.1:{stack.enter_context(Worker('backend')).report()['port']}"
    floor = stack.enter_context(Worker("floor", backend=f"{backend}/echo"))
    return Bench(
        backend=backend,
        floor=floor,
        floor_url=f"ws://127.0.0.1:{floor.report()['port']}/",
        gateway=None if options.floor_only else stack.enter_context(Gateway(backend)),
        seconds=options.seconds,
        connections=options.connections,
    )


def allow_descriptors(count: int) -> None:
    """Raise this process's limit, which its children inherit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise SystemExit(f"{count:,} file descriptors are needed and {hard:,} allowed: lower --connections.")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


if __name__ == "__main__":
    main()
