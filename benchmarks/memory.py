"""Idle connections: opens and holds them while its parent looks at the gateway, then sends a message through each."""

import asyncio

from benchmarks import worker
from benchmarks.clients import Client, close_all, connect_all, masked_text

_WARM_UP = 200
_MESSAGE = b'{"action":"echo","text":"one message through each"}'


class Idler(Client):
    """A client that expects the echo of one message."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.echoed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def text_received(self, text: bytes) -> None:
        if text != _MESSAGE:
            raise RuntimeError(f"A wrong reply: {text[:200]!r}")
        self.echoed.set_result(None)


async def converse(idlers: list[Idler]) -> None:
    for idler in idlers:
        idler.transport.write(masked_text(_MESSAGE))
    await asyncio.gather(*(idler.echoed for idler in idlers))


async def main() -> None:
    settings = worker.settings()
    url = settings["url"]
    first = await connect_all(url, lambda: Idler(url), _WARM_UP)
    await converse(first)
    await close_all(first)
    await worker.ready_to_go()
    idlers = await connect_all(url, lambda: Idler(url), settings["clients"])
    await worker.ready_to_go()
    await converse(idlers)
    await worker.ready_to_go()
    await close_all(idlers)


if __name__ == "__main__":
    worker.run(main())
