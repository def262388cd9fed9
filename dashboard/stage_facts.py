"""A stage's addresses, as they work from where a request came, and how many are connected to it."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count
from django.http import HttpRequest

from gatewayapp.controlplane.api.views import api_endpoint
from gatewayapp.models import Connection, Stage


@dataclass(frozen=True, slots=True)
class StageFacts:
    name: str
    websocket_url: str
    callback_url: str
    """The base of `@connections`, what SDKs take as their endpoint."""
    connections: int
    deployed: bool

    @property
    def wscat_command(self) -> str:
        return f'npx wscat -c "{self.websocket_url}"'


def stage_facts(request: HttpRequest, stage: Stage, connections: Mapping[tuple[str, str], int]) -> StageFacts:
    websocket_url = f"{api_endpoint(request, stage.api_id)}/{stage.stage_name}"
    return StageFacts(
        name=stage.stage_name,
        websocket_url=websocket_url,
        callback_url="http" + websocket_url.removeprefix("ws"),
        connections=connections.get((stage.api_id, stage.stage_name), 0),
        deployed=stage.deployment_id is not None,
    )


def connections_by_stage() -> dict[tuple[str, str], int]:
    """How many are connected, by API id and stage."""
    rows = Connection.open.values_list("api_id", "stage").annotate(count=Count("pk")).order_by()
    return {(api_id, stage): count for api_id, stage, count in rows}
