"""Figures over time: per stage and over all, per route, and what goes through a stage at this moment."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gatewayapp.controlplane.api.v1.moments import moment
from gatewayapp.controlplane.api.v1.permissions import check_api
from gatewayapp.controlplane.api.v1.schema import endpoint
from gatewayapp.controlplane.api.v1.shapes import Shape
from gatewayapp.controlplane.api.v1.views import View
from gatewayapp.controlplane.operations.errors import NotFound
from gatewayapp.controlplane.operations.metrics import get_backends, get_metrics, get_route_metrics
from gatewayapp.core.backend_use import BackendUse
from gatewayapp.core.limits import camel
from gatewayapp.core.metrics import RANGES
from gatewayapp.core.roles import Permission
from gatewayapp.live.metrics import Deployed, LastError, Metrics, Rates, RouteMetrics, StageMetrics
from gatewayapp.models import Document


def _counts() -> Any:
    return serializers.ListField(child=serializers.FloatField())


def _latencies() -> Any:
    return serializers.ListField(child=serializers.FloatField(allow_null=True))


class RangeQuery(Shape):
    range = serializers.ChoiceField(
        list(RANGES), default="5m", help_text="5 minutes by the second, 1 hour by 10 s, or 24 hours by the minute."
    )


class MetricsQuery(RangeQuery):
    api_id = serializers.CharField(required=False, max_length=10)
    stage = serializers.CharField(required=False, max_length=128)


class OutcomeSeriesShape(Shape):
    """Of a stage as of a route: errors and latencies."""

    client_error = _counts()
    integration_error = _counts()
    execution_error = _counts()
    integration_latency_p50 = _latencies()
    integration_latency_p95 = _latencies()
    integration_latency_p99 = _latencies()


class OutcomeSumsShape(Shape):
    client_error = serializers.FloatField()
    integration_error = serializers.FloatField()
    execution_error = serializers.FloatField()
    integration_latency_p50 = serializers.FloatField(allow_null=True)
    integration_latency_p95 = serializers.FloatField(allow_null=True)
    integration_latency_p99 = serializers.FloatField(allow_null=True)


class StageSeriesShape(OutcomeSeriesShape):
    """A value for each sample, oldest first; latencies in milliseconds, null where no integration was called."""

    connections = _counts()
    connect_count = _counts()
    refused_count = _counts()
    disconnect_count = _counts()
    disconnect_retries = _counts()
    disconnect_failures = _counts()
    messages_in = _counts()
    messages_out = _counts()
    pushes = _counts()
    bytes_in = _counts()
    bytes_out = _counts()


class StageSumsShape(OutcomeSumsShape):
    """What came together over the whole range."""

    connect_count = serializers.FloatField()
    refused_count = serializers.FloatField()
    disconnect_count = serializers.FloatField()
    disconnect_retries = serializers.FloatField()
    disconnect_failures = serializers.FloatField(help_text="`$disconnect` events that could not be delivered.")
    messages_in = serializers.FloatField()
    messages_out = serializers.FloatField()
    pushes = serializers.FloatField()
    bytes_in = serializers.FloatField()
    bytes_out = serializers.FloatField()


class DeployedShape(Shape):
    at = serializers.DateTimeField()
    deployment_id = serializers.CharField()


class StageMetricsShape(Shape):
    api_id = serializers.CharField()
    stage = serializers.CharField()
    series = StageSeriesShape()
    sums = StageSumsShape()
    deployments = DeployedShape(many=True, help_text="When the stage took over another deployment.")


class MetricsShape(Shape):
    start = serializers.DateTimeField(help_text="When the first sample began.")
    step_seconds = serializers.IntegerField(help_text="How long each sample is.")
    series = StageSeriesShape(help_text="Over all stages that are meant.")
    sums = StageSumsShape()
    stages = StageMetricsShape(many=True)


class RouteSeriesShape(OutcomeSeriesShape):
    count = _counts()


class RouteSumsShape(OutcomeSumsShape):
    count = serializers.FloatField()


class LastErrorShape(Shape):
    at = serializers.DateTimeField()
    text = serializers.CharField()
    trace_id = serializers.CharField(help_text="The message's request id; there may be a trace of it.")


class RatesShape(Shape):
    """By the second, over the last ten; `p95` in milliseconds."""

    rate = serializers.FloatField()
    error_rate = serializers.FloatField()
    p95 = serializers.FloatField(allow_null=True)


class RouteMetricsShape(Shape):
    route_key = serializers.CharField(help_text="Empty: messages that no route takes.")
    integration_id = serializers.CharField(allow_null=True)
    series = RouteSeriesShape()
    sums = RouteSumsShape()
    last_error = LastErrorShape(allow_null=True)


class RouteRatesShape(RatesShape):
    route_key = serializers.CharField()
    integration_id = serializers.CharField(allow_null=True)
    last_error = LastErrorShape(allow_null=True)


class IntegrationRatesShape(RatesShape):
    integration_id = serializers.CharField()


class NowShape(Shape):
    routes = RouteRatesShape(many=True)
    integrations = IntegrationRatesShape(many=True)


class RoutesMetricsShape(Shape):
    start = serializers.DateTimeField()
    step_seconds = serializers.IntegerField()
    routes = RouteMetricsShape(many=True, help_text="The routes that were in use.")
    deployments = DeployedShape(many=True)
    now = NowShape(help_text="Every deployed route at this moment.")


class _ApisView(View):
    def _api_ids(self, api_id: str | None) -> frozenset[str] | None:
        """The API that the query names, else all that the user may read (None: every one). Raises NotFound."""
        if not api_id:
            return self.access.apis_with(Permission.READ_APIS)
        nothing = NotFound(f"There is no API {api_id}.", resourceType="Api")
        check_api(self.access, Permission.READ_APIS, api_id, nothing)
        return frozenset([api_id])


class MetricsView(_ApisView):
    @endpoint(
        "GetMetrics",
        "Read figures over time: connections, messages, errors, latencies",
        query=MetricsQuery,
        answer=MetricsShape,
        errors=(503,),
    )
    def get(self, request: Request) -> Response:
        query = self.query(MetricsQuery)
        api_ids = self._api_ids(query.get("api_id"))
        metrics = get_metrics(api_ids=api_ids, range_name=query["range"], stage_name=query.get("stage", ""))
        return Response(_metrics(metrics))


class RouteUseShape(Shape):
    stage = serializers.CharField(help_text="Empty for tests of a draft or of another deployment.")
    route_key = serializers.CharField()
    active = serializers.IntegerField(help_text="Calls in progress.")
    limit = serializers.IntegerField(help_text="Largest number of calls in progress, given what other routes use.")
    waiting = serializers.IntegerField(help_text="Calls that wait for a connection.")
    refused = serializers.IntegerField(help_text="Calls refused because the queue was full or the wait was too long.")


class BackendUseShape(Shape):
    """One API's calls to one backend, at this moment; `refused` counts until an hour passes without one."""

    api_id = serializers.CharField()
    url = serializers.CharField(help_text="Scheme, host and port.")
    open = serializers.IntegerField(help_text="Open connections, including idle ones.")
    active = serializers.IntegerField()
    limit = serializers.IntegerField(help_text="NOPAL_OUTBOUND_CONNECTIONS.")
    waiting = serializers.IntegerField()
    refused = serializers.IntegerField()
    routes = RouteUseShape(many=True)


class BackendsShape(Shape):
    backends = BackendUseShape(many=True)


class BackendsQuery(Shape):
    api_id = serializers.CharField(required=False, max_length=10)


class BackendsView(_ApisView):
    @endpoint(
        "GetBackendMetrics",
        "Read how busy the connections to each backend are, by API and route",
        query=BackendsQuery,
        answer=BackendsShape,
        errors=(503,),
    )
    def get(self, request: Request) -> Response:
        api_ids = self._api_ids(self.query(BackendsQuery).get("api_id"))
        return Response({"backends": [_backend(use) for use in get_backends(api_ids=api_ids)]})


class StageMetricsView(View):
    @endpoint(
        "GetStageMetrics",
        "Read figures of each route of a stage, over time and of this moment",
        query=RangeQuery,
        answer=RoutesMetricsShape,
        errors=(503,),
    )
    def get(self, request: Request, api_id: str, stage_name: str) -> Response:
        metrics, rates = get_route_metrics(
            api_id=api_id, stage_name=stage_name, range_name=self.query(RangeQuery)["range"]
        )
        integrations = [{"integrationId": key, **_rates(each)} for key, each in rates.integrations.items()]
        routes = [
            {
                "routeKey": route.route_key,
                "integrationId": route.integration_id,
                "lastError": _error(route.last_error),
                **_rates(route.rates),
            }
            for route in rates.routes
        ]
        return Response(
            {
                "start": moment(metrics.start * 1000),
                "stepSeconds": metrics.step,
                "routes": [_route(route) for route in metrics.routes],
                "deployments": [_deployed(each) for each in metrics.deployments],
                "now": {"routes": routes, "integrations": integrations},
            }
        )


def _metrics(metrics: Metrics) -> Document:
    return {
        "start": moment(metrics.start * 1000),
        "stepSeconds": metrics.step,
        "series": _camel(metrics.series),
        "sums": _camel(metrics.sums),
        "stages": [_stage(stage) for stage in metrics.stages],
    }


def _backend(use: BackendUse) -> Document:
    return {
        "apiId": use.api_id,
        "url": use.url,
        "open": use.open,
        "active": use.active,
        "limit": use.limit,
        "waiting": use.waiting,
        "refused": use.refused,
        "routes": [
            {
                "stage": route.caller.stage,
                "routeKey": route.caller.route_key,
                "active": route.active,
                "limit": route.limit,
                "waiting": route.waiting,
                "refused": route.refused,
            }
            for route in use.routes
        ],
    }


def _stage(stage: StageMetrics) -> Document:
    return {
        "apiId": stage.api_id,
        "stage": stage.stage,
        "series": _camel(stage.series),
        "sums": _camel(stage.sums),
        "deployments": [_deployed(each) for each in stage.deployments],
    }


def _route(route: RouteMetrics) -> Document:
    return {
        "routeKey": route.route_key,
        "integrationId": route.integration_id,
        "series": _camel(route.series),
        "sums": _camel(route.sums),
        "lastError": _error(route.last_error),
    }


def _rates(rates: Rates) -> Document:
    return {"rate": rates.rate, "errorRate": rates.error_rate, "p95": rates.p95}


def _error(error: LastError | None) -> Document | None:
    return None if error is None else {"at": moment(error.at), "text": error.text, "traceId": error.trace_id}


def _deployed(deployed: Deployed) -> Document:
    return {"at": moment(deployed.at), "deploymentId": deployed.deployment_id}


def _camel(members: Mapping[str, Any]) -> Document:
    return {camel(name): value for name, value in members.items()}
