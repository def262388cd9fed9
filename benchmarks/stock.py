"""Daphne as it comes with an application that only echoes: a measure of the machine that others can take too."""

from collections.abc import Awaitable, Callable
from typing import Any

from daphne.server import Server

from benchmarks import worker


async def echo(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """An ASGI application: every text comes back."""
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event["text"]})


def main() -> None:
    server = Server(echo, endpoints=["tcp:port=0:interface=127.0.0.1"])
    server.ready_callable = lambda: worker.report(port=server.listening_addresses[0][1])
    server.run()


if __name__ == "__main__":
    main()
