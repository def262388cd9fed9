"""New connections in a closed loop: each dialler opens one connection after the other, and all stay open to the end.

The time of one runs from dialling to the 101, which the gateway sends when the `$connect` backend has agreed.
"""

import asyncio
import time

from benchmarks import worker
from benchmarks.clients import Client, close_all, connect


async def dial(url: str, until: float, most: int, opened: list[Client], durations: list[float]) -> None:
    """Open connections until it is time, or until there are `most` of all diallers."""
    while (start := time.perf_counter()) < until and len(durations) < most:
        opened.append(await connect(url, lambda: Client(url)))
        durations.append(time.perf_counter() - start)


async def main() -> None:
    settings = worker.settings()
    opened: list[Client] = []
    durations: list[float] = []

    async def dial_for(seconds: float, most: int) -> float:
        start = time.perf_counter()
        diallers = [dial(settings["url"], start + seconds, most, opened, durations) for _ in range(settings["clients"])]
        await asyncio.gather(*diallers)
        return time.perf_counter() - start

    await dial_for(settings["warm_up"], settings["clients"])
    await close_all(opened)
    opened.clear()
    durations.clear()
    await worker.ready_to_go()
    elapsed = await dial_for(settings["seconds"], settings["most"])
    worker.report(count=len(durations), elapsed=elapsed, open=len(opened), **worker.percentiles(durations))
    await worker.ready_to_go()
    await close_all(opened)


if __name__ == "__main__":
    worker.run(main())
