"""The ASGI server: Daphne's protocol, factory and server classes with their gaps closed.

Start it with `run(application, ServerOptions(...))` or `python -m gatewayapp.server MODULE:APP`.
It knows nothing of the gateway: any ASGI application may be served. One that has an attribute `answer_now` is asked
there first for requests on direct paths, see `exchange.AnswerNow`; one with `body_policy` says how large bodies may be,
see `bodies.BodyPolicy`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from gatewayapp.server.limits import ServerOptions

__all__ = ["ServerOptions", "run"]


def run(
    application: Any,
    options: ServerOptions,
    *,
    ready: Callable[[str, int], None] | None = None,
    on_signal: Callable[[], None] | None = None,
    on_drain: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Serve `application` until SIGTERM or SIGINT; see `gatewayapp.server.server.run`."""
    from gatewayapp.server import server  # the import installs the event loop, so it waits until needed

    server.run(application, options, ready=ready, on_signal=on_signal, on_drain=on_drain)
