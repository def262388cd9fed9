"""The ASGI application: WebSocket clients and `@connections` to the data plane, everything else to Django.

The dashboard's own sockets, below `/live/`, go to its Channels consumers.
"""

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gatewayapp.settings")

from django.core.asgi import get_asgi_application  # isort:skip  (first: it loads the models)

django_application = get_asgi_application()

from dashboard.routing import live_application  # noqa: E402
from gatewayapp.body_limits import BodyLimits  # noqa: E402
from gatewayapp.dataplane.addresses import is_gateway_address  # noqa: E402
from gatewayapp.dataplane.callbacks import Callbacks, host_of  # noqa: E402
from gatewayapp.dataplane.consumer import GatewayConsumer  # noqa: E402
from gatewayapp.dataplane.gateway import Gateway, GatewayOptions  # noqa: E402
from gatewayapp.dataplane.handshakes import throttle_response  # noqa: E402

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class Application:
    """Everything that Nopal answers, behind one ASGI callable."""

    def __init__(self, options: GatewayOptions) -> None:
        self.gateway = Gateway(options)
        self._websocket = GatewayConsumer.as_asgi(gateway=self.gateway)
        self._callbacks = Callbacks(self.gateway)
        self.answer_now = self._callbacks.answer_now
        """For a server that can ask without ASGI's events: see `gatewayapp.server`."""
        self.memory = self.gateway.memory
        """The budget that a server charges for bytes it holds for clients, see `gatewayapp.server`."""
        self.throttle_response = throttle_response
        """The response to handshakes that the server does not admit, see `gatewayapp.server`."""
        self.body_policy = BodyLimits()
        """The policy that a server asks for the largest body before it reads one."""

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and _is_live_view(scope):
            await live_application(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        elif is_gateway_address(host_of(scope["headers"]), scope["path"]):
            await self._callbacks(scope, receive, send)
        elif scope["path"] in ("/healthz", "/readyz"):
            await self._tell_health(scope["path"], send)
        else:
            await django_application(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        """ASGI's lifespan: start before the server listens, stop after it has drained."""
        await receive()
        try:
            await self.gateway.started()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.gateway.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _tell_health(self, path: str, send: Send) -> None:
        """`/healthz`: the process responds. `/readyz`: load balancers should send it new connections."""
        ready = path == "/healthz" or not (self.gateway.stopping or self.gateway.draining)
        headers = [(b"content-type", b"text/plain"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200 if ready else 503, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok\n" if ready else b"draining\n"})


def _is_live_view(scope: dict[str, Any]) -> bool:
    """Whether a viewer of the dashboard connects, rather than a client of an API."""
    path: str = scope["path"]
    return path.startswith("/live/") and not is_gateway_address(host_of(scope["headers"]), path)


application = Application(GatewayOptions())
