"""A program that serves `apps` with a callback for the drain; started by the tests as `python -m`."""

from __future__ import annotations

import asyncio
import sys

from gatewayapp.server import ServerOptions, run
from tests.server.apps import app

open_connections: set[asyncio.Event] = set()


async def application(scope, receive, send):  # type: ignore[no-untyped-def]
    """Echo, until the drain lets the application close its connections itself."""
    if scope["type"] != "websocket":
        await app(scope, receive, send)
        return
    await receive()
    await send({"type": "websocket.accept"})
    closing = asyncio.Event()
    open_connections.add(closing)
    await closing.wait()
    await send({"type": "websocket.close", "code": 4000, "reason": "The application's own"})
    await receive()
    open_connections.discard(closing)


async def drain() -> None:
    print("draining", flush=True)
    for closing in tuple(open_connections):
        closing.set()
    while open_connections:
        await asyncio.sleep(0.01)
    print("drained", flush=True)


if __name__ == "__main__":
    run(
        application,
        ServerOptions(port=0),
        ready=lambda host, port: print(f"Listening on http://{host}:{port}", file=sys.stderr, flush=True),
        on_drain=drain,
    )
