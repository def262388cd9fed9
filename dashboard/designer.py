"""What the designer is told while it is open: that somebody changed the draft, and what flows through a stage."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.urls import reverse

from dashboard.live import LiveConsumer
from gatewayapp.controlplane import operations
from gatewayapp.controlplane.api.v1.permissions import on_api
from gatewayapp.core.roles import Permission
from gatewayapp.live import NoGateway, live_connections
from gatewayapp.live.metrics import LastError, Rates, RouteRates
from gatewayapp.models import Connection, Document

_EVERY = 1.0
"""Seconds from one frame to the next."""


class DesignerConsumer(LiveConsumer):
    """Tells the draft's version when it moves, and the rates of a stage if the address names one."""

    need = on_api(Permission.READ_APIS)

    async def watch(self) -> None:
        stage = self.scope["url_route"]["kwargs"].get("stage_name", "")
        version = ""
        while True:
            news = await sync_to_async(self._news)(stage, version)
            if stage:
                news |= self._rates(stage)
            if news["version"] != version or stage:
                await self.tell(news)
            version = news["version"]
            await asyncio.sleep(_EVERY)

    def _news(self, stage: str, known: str) -> Document:
        api_id = self.api_id()
        news: Document = {"version": operations.get_draft_version(api_id=api_id), "change": None}
        if known and news["version"] != known:
            news["change"] = operations.get_last_change(api_id=api_id)
        if stage:
            news["connections"] = Connection.open.filter(api_id=api_id, stage=stage).count()
        return news

    def _rates(self, stage: str) -> Document:
        try:
            rates = live_connections().route_rates(self.api_id(), stage)
        except NoGateway:
            return {}
        return {
            "routes": [_route(each) for each in rates.routes],
            "integrations": {key: _figures(each) for key, each in rates.integrations.items()},
        }


def _route(route: RouteRates) -> Document:
    return {
        "routeKey": route.route_key,
        "integrationId": route.integration_id,
        "lastError": _error(route.last_error),
        **_figures(route.rates),
    }


def _figures(rates: Rates) -> dict[str, Any]:
    return {"rate": rates.rate, "errorRate": rates.error_rate, "p95": rates.p95}


def _error(error: LastError | None) -> Document | None:
    if error is None:
        return None
    at = datetime.fromtimestamp(error.at / 1000, UTC)
    return {
        "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "text": error.text,
        "traceUrl": reverse("traffic-trace", kwargs={"trace_id": error.trace_id}) if error.trace_id else None,
    }
