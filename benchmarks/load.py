"""Round trips in a closed loop: each client sends its next message when the reply to its last has arrived.

Every client has texts of its own and compares every reply with the one it must be, byte for byte, so that nothing but
true round trips is counted.
"""

import asyncio
import json
import time

from benchmarks import worker
from benchmarks.clients import Client, close_all, connect_all, masked_text, text_frame

_TEXTS = 4
"""Different texts of one client, sent in turn, so that a reply to an older message is not taken for the newest's."""


class Clock:
    """When to stop, and how long every round trip took (seconds)."""

    def __init__(self) -> None:
        self.until = 0.0
        self.round_trips: list[float] = []


class RoundTrips(Client):
    """A client that sends, awaits the echo and sends again, until the clock stops it."""

    def __init__(self, url: str, number: int, size: int, clock: Clock) -> None:
        super().__init__(url)
        texts = [message(number, turn, size) for turn in range(_TEXTS)]
        self._frames = [masked_text(text) for text in texts]
        self._echoes = [text_frame(text) for text in texts]
        self._clock = clock
        self._turn = 0
        self._sent = 0.0
        self.idle: asyncio.Future[None] | None = None

    def begin(self) -> None:
        self.idle = asyncio.get_running_loop().create_future()
        self._send()

    def data_received(self, data: bytes) -> None:
        if data == self._echoes[self._turn] and not self._buffer:
            self._replied()
        else:
            super().data_received(data)

    def text_received(self, text: bytes) -> None:
        if text_frame(text) != self._echoes[self._turn]:
            self._fail(f"A wrong reply: {text[:200]!r}")
        else:
            self._replied()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._fail("The gateway closed a connection in the middle of a round trip.")

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self.transport.write(self._frames[self._turn])

    def _replied(self) -> None:
        now = time.perf_counter()
        self._clock.round_trips.append(now - self._sent)
        self._turn = (self._turn + 1) % _TEXTS
        if now < self._clock.until:
            self._send()
        elif self.idle is not None:
            self.idle.set_result(None)

    def _fail(self, problem: str) -> None:
        if self.idle is not None and not self.idle.done():
            self.idle.set_exception(RuntimeError(problem))


def message(number: int, turn: int, size: int) -> bytes:
    """A JSON text of `size` bytes that is no other client's, and no other turn's."""
    head = json.dumps({"action": "echo", "client": number, "turn": turn, "text": ""}, separators=(",", ":"))
    return (head[:-2] + "x" * (size - len(head)) + head[-2:]).encode()


async def loop_for(clients: list[RoundTrips], clock: Clock, seconds: float) -> float:
    """Run the closed loop; the seconds it really took."""
    clock.round_trips.clear()
    start = time.perf_counter()
    clock.until = start + seconds
    for client in clients:
        client.begin()
    await asyncio.gather(*(client.idle for client in clients if client.idle is not None))
    return time.perf_counter() - start


async def main() -> None:
    settings = worker.settings()
    clock = Clock()
    numbers = iter(range(settings["clients"]))
    clients = await connect_all(
        settings["url"],
        lambda: RoundTrips(settings["url"], next(numbers), settings["size"], clock),
        settings["clients"],
    )
    await loop_for(clients, clock, settings["warm_up"])
    for _ in range(settings.get("rounds", 1)):
        if settings.get("warm_up_each"):
            await worker.ready_to_go()
            await loop_for(clients, clock, settings["warm_up"])
        await worker.ready_to_go()
        elapsed = await loop_for(clients, clock, settings["seconds"])
        worker.report(count=len(clock.round_trips), elapsed=elapsed, **worker.percentiles(clock.round_trips))
    await close_all(clients)


if __name__ == "__main__":
    worker.run(main())
