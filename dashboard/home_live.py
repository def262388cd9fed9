"""The overview's figures, every two seconds, for as long as someone looks at them."""

import asyncio
from typing import Any

from dashboard.live import LiveConsumer
from dashboard.overview import Figures, gateway_figures, sum_of
from gatewayapp.controlplane.api.v1.permissions import on_some
from gatewayapp.core.roles import Permission
from gatewayapp.live import NoGateway, live_connections

_SECONDS = 2.0


class HomeConsumer(LiveConsumer):
    """Tells `{"total": figures, "stages": {"apiId/stage": figures}}`, and nothing while nothing changes."""

    need = on_some(Permission.READ_APIS)

    async def watch(self) -> None:
        told: dict[str, Any] | None = None
        while True:
            now = self._figures()
            if now != told:
                await self.tell(now)
                told = now
            await asyncio.sleep(_SECONDS)

    def _figures(self) -> dict[str, Any]:
        try:
            figures = gateway_figures(live_connections(), self.access.apis_with(Permission.READ_APIS))
        except NoGateway:
            figures = {}
        return {
            "total": _document(sum_of(list(figures.values()))),
            "stages": {key: _document(each) for key, each in figures.items()},
        }


def _document(figures: Figures) -> dict[str, Any]:
    return {
        "connections": figures.connections,
        "messages_in": round(figures.messages_in, 1),
        "messages_out": round(figures.messages_out, 1),
        "errors": figures.errors,
        "latency": figures.latency,
    }
