"""What the overview shows: every API with its routes, its stages, their addresses and how many are connected."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count
from django.http import HttpRequest

from gatewayapp.controlplane.api.views import api_endpoint
from gatewayapp.models import Api, Connection, Stage


@dataclass(frozen=True, slots=True)
class StageOverview:
    name: str
    websocket_url: str
    callback_url: str
    """The base of `@connections`, what SDKs take as their endpoint."""
    connections: int
    deployed: bool

    @property
    def wscat_command(self) -> str:
        return f'npx wscat -c "{self.websocket_url}"'


@dataclass(frozen=True, slots=True)
class ApiOverview:
    api_id: str
    name: str
    description: str
    route_selection_expression: str
    route_keys: list[str]
    stages: list[StageOverview]

    @property
    def example(self) -> StageOverview | None:
        """The stage that a first connection is shown for."""
        return next((stage for stage in self.stages if stage.deployed), None)


def overview(request: HttpRequest) -> list[ApiOverview]:
    """All APIs, oldest first; addresses are those that work from where `request` came."""
    connections = connections_by_stage()
    apis = Api.objects.prefetch_related("stages", "routes")
    return [
        ApiOverview(
            api_id=api.api_id,
            name=api.name,
            description=api.description,
            route_selection_expression=api.route_selection_expression,
            route_keys=[route.route_key for route in api.routes.all()],
            stages=[stage_overview(request, stage, connections) for stage in api.stages.all()],
        )
        for api in apis
    ]


def gateway_url(request: HttpRequest) -> str:
    """The gateway as the browser sees it, without a slash at the end."""
    return f"{request.scheme}://{request.get_host()}"


def stage_overview(request: HttpRequest, stage: Stage, connections: Mapping[tuple[str, str], int]) -> StageOverview:
    websocket_url = f"{api_endpoint(request, stage.api_id)}/{stage.stage_name}"
    return StageOverview(
        name=stage.stage_name,
        websocket_url=websocket_url,
        callback_url="http" + websocket_url.removeprefix("ws"),
        connections=connections.get((stage.api_id, stage.stage_name), 0),
        deployed=stage.deployment_id is not None,
    )


def connections_by_stage() -> dict[tuple[str, str], int]:
    """How many are connected, by API id and stage."""
    rows = Connection.objects.values_list("api_id", "stage").annotate(count=Count("pk")).order_by()
    return {(api_id, stage): count for api_id, stage, count in rows}
