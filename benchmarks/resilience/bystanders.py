"""Well-behaved clients: each sends a message fifty times a second and waits for its echo; how long that takes.

Each phase begins when the parent says so and ends with a report of the round trips' percentiles.
"""

import asyncio
import time

from benchmarks import worker
from benchmarks.clients import Client, close_all, connect_all, masked_text, text_frame
from benchmarks.load import message

_PAUSE = 0.02
_SIZE = 200
_LOST_AFTER = 30.0


class Bystander(Client):
    """A client that notes how long its round trips take, in seconds."""

    def __init__(self, url: str, number: int) -> None:
        super().__init__(url)
        text = message(number, 0, _SIZE)
        self._frame, self._echo = masked_text(text), text_frame(text)
        self._replied: asyncio.Future[None] | None = None

    async def round_trip(self) -> float:
        self._replied = asyncio.get_running_loop().create_future()
        start = time.perf_counter()
        self.transport.write(self._frame)
        await asyncio.wait_for(self._replied, _LOST_AFTER)
        return time.perf_counter() - start

    def text_received(self, text: bytes) -> None:
        if text_frame(text) != self._echo or self._replied is None:
            raise RuntimeError(f"A wrong reply: {text[:200]!r}")
        self._replied.set_result(None)


async def talk(client: Bystander, until: float, durations: list[float]) -> None:
    while time.perf_counter() < until:
        durations.append(await client.round_trip())
        await asyncio.sleep(_PAUSE)


async def main() -> None:
    settings = worker.settings()
    numbers = iter(range(settings["clients"]))
    clients = await connect_all(settings["url"], lambda: Bystander(settings["url"], next(numbers)), settings["clients"])
    for _ in range(settings["phases"]):
        await worker.ready_to_go()
        durations: list[float] = []
        until = time.perf_counter() + settings["seconds"]
        await asyncio.gather(*(talk(client, until, durations) for client in clients))
        worker.report(count=len(durations), **worker.percentiles(durations))
    await close_all(clients)


if __name__ == "__main__":
    worker.run(main())
