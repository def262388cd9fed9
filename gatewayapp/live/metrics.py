"""Figures of the data plane as values: series per stage and per route, and the rates of this moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

LATENCIES = {"integration_latency_p50": 0.5, "integration_latency_p95": 0.95, "integration_latency_p99": 0.99}
"""The series of latencies, in milliseconds, and the share of calls that were not slower."""

Series = Mapping[str, list[float | None]]
"""By name, a value for each sample, oldest first; a latency is None where nothing was called."""


Sums = Mapping[str, float | None]
"""By name, what came together over the whole range; of latencies, those of all its calls."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A stage took over another deployment; epoch milliseconds."""

    at: int
    deployment_id: str


@dataclass(frozen=True, slots=True)
class LastError:
    """A route's last error; `trace_id` is the message's request id, whether or not a trace of it was kept."""

    at: int
    text: str
    trace_id: str


@dataclass(frozen=True, slots=True)
class StageMetrics:
    api_id: str
    stage: str
    series: Series
    sums: Sums
    deployments: tuple[Deployed, ...]


@dataclass(frozen=True, slots=True)
class Metrics:
    """A range's samples: the first began at `start` (epoch seconds), each is `step` seconds long."""

    start: int
    step: int
    stages: tuple[StageMetrics, ...]
    series: Series
    """Over all stages."""
    sums: Sums


@dataclass(frozen=True, slots=True)
class RouteMetrics:
    route_key: str
    integration_id: str | None
    series: Series
    sums: Sums
    last_error: LastError | None


@dataclass(frozen=True, slots=True)
class StageRouteMetrics:
    """The same for each route of a stage."""

    start: int
    step: int
    routes: tuple[RouteMetrics, ...]
    deployments: tuple[Deployed, ...]


@dataclass(frozen=True, slots=True)
class Rates:
    """A second's messages and errors, over the last ten seconds; `p95` in milliseconds."""

    rate: float = 0.0
    error_rate: float = 0.0
    p95: float | None = None


@dataclass(frozen=True, slots=True)
class RouteRates:
    route_key: str
    integration_id: str | None
    rates: Rates
    last_error: LastError | None


@dataclass(frozen=True, slots=True)
class StageRates:
    """The rates of each deployed route, and of each integration that they call."""

    routes: tuple[RouteRates, ...] = ()
    integrations: Mapping[str, Rates] = field(default_factory=dict)
