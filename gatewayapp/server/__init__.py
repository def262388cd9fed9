"""The ASGI server: Daphne's protocol, factory and server classes with their gaps closed.

Start it with `run(application, ServerOptions(...))` or `python -m gatewayapp.server MODULE:APP`.
It knows nothing of the gateway: any ASGI application may be served.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from gatewayapp.server.limits import ServerOptions

if TYPE_CHECKING:
    from gatewayapp.server.exchange import AnswerNow

__all__ = ["ServerOptions", "run"]


def run(
    application: Any,
    options: ServerOptions,
    *,
    ready: Callable[[str, int], None] | None = None,
    on_drain: Callable[[], Awaitable[None]] | None = None,
    answer_now: AnswerNow | None = None,
) -> None:
    """Serve `application` until SIGTERM or SIGINT; see `gatewayapp.server.server.run`."""
    from gatewayapp.server import server  # the import installs the event loop, so it waits until needed

    server.run(application, options, ready=ready, on_drain=on_drain, answer_now=answer_now)
