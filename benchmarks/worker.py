"""The child's side of a benchmark process: settings as JSON in its argument, reports as lines of JSON on stdout.

A load generator reports that it is ready, waits for a line on stdin, works, and reports its figures, so that its parent
can read the CPU time of the process under test exactly around the work.
"""

import asyncio
import gc
import json
import sys
from collections.abc import Coroutine, Sequence
from typing import Any

import uvloop


def settings() -> dict[str, Any]:
    """What the parent passed as this process's one argument."""
    document: dict[str, Any] = json.loads(sys.argv[1])
    return document


def report(**figures: Any) -> None:
    print(json.dumps(figures), flush=True)


async def ready_to_go() -> None:
    """Report that the clock may start, and wait until it does."""
    gc.collect()
    gc.freeze()
    report(ready=True)
    await until_told()


async def until_told() -> None:
    """Wait for a line from the parent."""
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


def percentiles(durations: Sequence[float]) -> dict[str, float]:
    """The median and the 99th percentile of durations in seconds, as milliseconds."""
    ordered = sorted(durations)
    return {f"p{part}_ms": round(ordered[len(ordered) * part // 100] * 1000, 3) for part in (50, 99)}


async def until_parent_ends() -> None:
    """Wait for the end of stdin: a server's parent has nothing more to ask, or is gone."""
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def run(main: Coroutine[Any, Any, None]) -> None:
    uvloop.run(main)
