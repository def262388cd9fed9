"""Counting on the hot path: one meter for each stage, one for each of its routes; they only ever count up.

Names are in the spirit of CloudWatch's metrics for WebSocket APIs. `metering` samples the meters and answers what they
say.
"""

from collections import deque
from time import time
from typing import Any

from gatewayapp.core.messages import Event
from gatewayapp.core.metrics import Histogram, History, bucket, empty_histogram
from gatewayapp.core.outcomes import Fault, Outcome
from gatewayapp.live.metrics import Deployed, LastError

COUNTS = (
    "connect_count",
    "refused_count",
    "disconnect_count",
    "disconnect_retries",
    "disconnect_failures",
    "messages_in",
    "messages_out",
    "pushes",
    "bytes_in",
    "bytes_out",
    "client_error",
    "integration_error",
    "execution_error",
)
"""What is counted of a stage. `refused_count`: handshakes; `disconnect_retries`: attempts to deliver a `$disconnect`
again, `disconnect_failures`: those given up; `messages_out`: answers and pushes.
"""

ROUTE_COUNTS = ("count", "client_error", "integration_error", "execution_error")

NO_ROUTE = ""
"""Under which messages are counted that no route takes."""
OTHERS = "(others)"
"""Under which routes are counted together once more of them were in use than any API has."""
_MOST_ROUTES = 1_000
_DEPLOYMENTS = 50


class RouteMeter:
    """What went through one route."""

    __slots__ = ("client_error", "count", "execution_error", "history", "integration_error", "last_error", "latencies")

    def __init__(self, second: int) -> None:
        self.count = self.client_error = self.integration_error = self.execution_error = 0
        self.latencies: Histogram = empty_histogram()
        self.last_error: LastError | None = None
        self.history = History(len(ROUTE_COUNTS), second)

    @property
    def counts(self) -> tuple[int, ...]:
        return self.count, self.client_error, self.integration_error, self.execution_error

    def fail(self, fault: Fault, outcome: Outcome[Any], request_id: str) -> None:
        if fault is Fault.CLIENT:
            self.client_error += 1
        elif fault is Fault.INTEGRATION:
            self.integration_error += 1
        else:
            self.execution_error += 1
        self.last_error = LastError(int(time() * 1000), outcome.error_text, request_id)


class StageMeter:
    """What went through one stage; errors and latencies are those of its routes together."""

    __slots__ = (
        "bytes_in",
        "bytes_out",
        "connect_count",
        "deployments",
        "disconnect_count",
        "disconnect_failures",
        "disconnect_retries",
        "history",
        "messages_in",
        "messages_out",
        "pushes",
        "refused_count",
        "routes",
    )

    def __init__(self) -> None:
        self.connect_count = self.refused_count = self.disconnect_count = 0
        self.disconnect_retries = self.disconnect_failures = 0
        self.messages_in = self.messages_out = self.pushes = 0
        self.bytes_in = self.bytes_out = 0
        self.routes: dict[str, RouteMeter] = {}
        self.deployments: deque[Deployed] = deque(maxlen=_DEPLOYMENTS)
        self.history = History(len(COUNTS), int(time()))

    @property
    def counts(self) -> tuple[int, ...]:
        routes = list(self.routes.values())
        return (
            self.connect_count,
            self.refused_count,
            self.disconnect_count,
            self.disconnect_retries,
            self.disconnect_failures,
            self.messages_in,
            self.messages_out,
            self.pushes,
            self.bytes_in,
            self.bytes_out,
            sum(route.client_error for route in routes),
            sum(route.integration_error for route in routes),
            sum(route.execution_error for route in routes),
        )

    def handled(self, outcome: Outcome[Any], event: Event) -> None:
        """Count an event that went its way, `$connect` and `$disconnect` included."""
        key = NO_ROUTE if outcome.route is None else outcome.route.route_key
        route = self.routes.get(key) or self._new_route(key)
        route.count += 1
        if outcome.latency is not None:
            route.latencies[bucket(outcome.latency)] += 1
        if (fault := outcome.fault) is not None:
            route.fail(fault, outcome, event.request_id)

    def deployed(self, deployment_id: str) -> None:
        """From now on the stage serves this deployment."""
        self.deployments.append(Deployed(int(time() * 1000), deployment_id))

    def _new_route(self, key: str) -> RouteMeter:
        if len(self.routes) >= _MOST_ROUTES:
            key = OTHERS
        return self.routes.setdefault(key, RouteMeter(int(time())))
