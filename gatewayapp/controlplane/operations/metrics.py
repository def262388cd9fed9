"""Reading the figures of the gateway that runs in this process."""

from gatewayapp.controlplane.operations.errors import Unavailable
from gatewayapp.controlplane.operations.stages import get_stage
from gatewayapp.core.backend_use import BackendUse
from gatewayapp.live import LiveConnections, NoGateway, live_connections
from gatewayapp.live.metrics import Metrics, StageRates, StageRouteMetrics


def get_metrics(*, api_ids: frozenset[str] | None, range_name: str, stage_name: str = "") -> Metrics:
    """Figures over time of the stages of the APIs `api_ids` (None: of all), of those named `stage_name` if given."""
    return _gateway().metrics(api_ids, range_name, stage_name)


def get_route_metrics(*, api_id: str, stage_name: str, range_name: str) -> tuple[StageRouteMetrics, StageRates]:
    """Figures over time of each route of a stage, and its rates of this moment. Raises NotFound."""
    get_stage(api_id=api_id, stage_name=stage_name)
    gateway = _gateway()
    return gateway.route_metrics(api_id, stage_name, range_name), gateway.route_rates(api_id, stage_name)


def get_backends(*, api_ids: frozenset[str] | None) -> list[BackendUse]:
    """How busy the connections of the APIs `api_ids` (None: all) to their backends are, by API and backend."""
    return sorted(_gateway().backends(api_ids), key=lambda use: (use.api_id, use.url))


def _gateway() -> LiveConnections:
    try:
        return live_connections()
    except NoGateway as error:
        raise Unavailable(str(error)) from error
