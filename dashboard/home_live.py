"""The overview's figures, every two seconds, for as long as someone looks at them."""

import asyncio
from typing import Any

from dashboard.live import LiveConsumer
from dashboard.overview import Figures, backend_key, gateway_figures, sum_of
from gatewayapp.controlplane.api.v1.permissions import on_some
from gatewayapp.core.roles import Permission
from gatewayapp.live import NoGateway, live_connections

_SECONDS = 2.0


class HomeConsumer(LiveConsumer):
    """Tells `{"total": figures, "stages": {"apiId/stage": figures}, "backends": {"apiId/url": figures}}` on changes."""

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
        api_ids = self.access.apis_with(Permission.READ_APIS)
        try:
            gateway = live_connections()
            figures, backends = gateway_figures(gateway, api_ids), gateway.backends(api_ids)
        except NoGateway:
            figures, backends = {}, []
        return {
            "total": _document(sum_of(list(figures.values()))),
            "stages": {key: _document(each) for key, each in figures.items()},
            "backends": {
                backend_key(use): {"active": use.active, "waiting": use.waiting, "refused": use.refused}
                for use in backends
            },
        }


def _document(figures: Figures) -> dict[str, Any]:
    return {
        "connections": figures.connections,
        "messages_in": round(figures.messages_in, 1),
        "messages_out": round(figures.messages_out, 1),
        "errors": figures.errors,
        "latency": figures.latency,
    }
