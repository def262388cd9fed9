"""What the overview shows: what goes on now and over a while, per API and stage, and what needs attention first."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Prefetch
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from dashboard.stage_facts import StageFacts, stage_facts
from gatewayapp.core.backend_use import BackendUse, RouteUse
from gatewayapp.core.roles import Access, Permission
from gatewayapp.live import ConnectionFilter, LiveConnections, NoGateway, live_connections
from gatewayapp.live.metrics import Metrics, Series, StageMetrics, Sums
from gatewayapp.models import Api, Stage

RANGES = {"5m": "5 minutes", "1h": "hour", "24h": "24 hours"}
"""How far back one may look, and what that is called."""
_LATELY = "5m"
"""The range that figures of this moment, and what needs attention, are read from."""
_RECENT = 10
"""Seconds that the rates of this moment are an average of."""
_SPARKS = 60
"""Points of a sparkline."""
_MAX_BACKENDS = 20
"""Backends that are listed, the busiest ones."""
_ERRORS = ("integration_error", "execution_error", "client_error")


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a stage, or of all: open connections and messages a second now, errors and latency (ms) over the range."""

    connections: int = 0
    messages_in: float = 0.0
    messages_out: float = 0.0
    errors: int = 0
    latency: float | None = None


@dataclass(frozen=True, slots=True)
class StageOverview:
    facts: StageFacts
    key: str
    """The key of its live figures."""
    figures: Figures
    spark: Sequence[float]
    """Open connections over the range."""


@dataclass(frozen=True, slots=True)
class ApiOverview:
    api_id: str
    name: str
    description: str
    route_selection_expression: str
    route_keys: list[str]
    stages: list[StageOverview]

    @property
    def example(self) -> StageFacts | None:
        """The stage that a first connection is shown for."""
        return next((stage.facts for stage in self.stages if stage.facts.deployed), None)


@dataclass(frozen=True, slots=True)
class BackendOverview:
    """An API's connections to one backend; `routes` are those with waiting or refused calls."""

    api_name: str
    key: str
    """The key of its live figures."""
    use: BackendUse
    routes: list[RouteUse]


@dataclass(frozen=True, slots=True)
class Attention:
    """Something to look at first, the gravest before the others; `tone` is bad, wait or info."""

    tone: str
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Overview:
    apis: list[ApiOverview]
    total: Figures
    series: Mapping[str, Sequence[float | None]]
    """Connections, messages a second, errors of a sample, latency in milliseconds."""
    start: int
    step: int
    backends: list[BackendOverview]
    other_backends: int
    """How many more there are."""
    attention: list[Attention]


def overview(request: HttpRequest, access: Access, range_name: str) -> Overview:
    """The APIs that `access` may read, oldest first; addresses are those that work from where `request` came."""
    api_ids = access.apis_with(Permission.READ_APIS)
    gateway = _gateway()
    nothing = Metrics(0, 1, (), {}, {})
    lately = gateway.metrics(api_ids, _LATELY) if gateway else nothing
    past = lately if range_name == _LATELY or gateway is None else gateway.metrics(api_ids, range_name)
    recent = figures_of(lately)
    apis = list(_readable(api_ids))
    sparks = {stage_key(stage.api_id, stage.stage): stage for stage in past.stages}
    backends = sorted(gateway.backends(api_ids) if gateway else (), key=_urgency)
    return Overview(
        apis=[_api_overview(request, api, recent, sparks) for api in apis],
        total=_total(recent, past.sums),
        series=_charted(past.series, past.step),
        start=past.start,
        step=past.step,
        backends=_backend_overviews(backends[:_MAX_BACKENDS], apis),
        other_backends=max(0, len(backends) - _MAX_BACKENDS),
        attention=[*_attention(apis, gateway, api_ids, lately), *_of_backends(backends, apis)],
    )


def gateway_figures(gateway: LiveConnections, api_ids: frozenset[str] | None) -> dict[str, Figures]:
    """The figures of this moment of each stage in use; errors and latency are of the last five minutes."""
    return figures_of(gateway.metrics(api_ids, _LATELY))


def figures_of(metrics: Metrics) -> dict[str, Figures]:
    """The same of metrics that have been read."""
    return {stage_key(stage.api_id, stage.stage): _figures(stage.series, stage.sums) for stage in metrics.stages}


def stage_key(api_id: str, stage: str) -> str:
    return f"{api_id}/{stage}"


def backend_key(use: BackendUse) -> str:
    return f"{use.api_id}/{use.url}"


def gateway_url(request: HttpRequest) -> str:
    """The gateway as the browser sees it, without a slash at the end."""
    return f"{request.scheme}://{request.get_host()}"


def sum_of(figures: Sequence[Figures]) -> Figures:
    """Several stages together; latencies cannot be added, the worst stands for them."""
    return Figures(
        sum(each.connections for each in figures),
        sum(each.messages_in for each in figures),
        sum(each.messages_out for each in figures),
        sum(each.errors for each in figures),
        max((each.latency for each in figures if each.latency is not None), default=None),
    )


def _gateway() -> LiveConnections | None:
    try:
        return live_connections()
    except NoGateway:
        return None


def _readable(api_ids: frozenset[str] | None) -> Iterator[Api]:
    stages = Stage.objects.order_by("created_date", "pk")
    apis = Api.objects.prefetch_related(Prefetch("stages", queryset=stages), "routes")
    yield from apis if api_ids is None else apis.filter(pk__in=api_ids)


def _api_overview(
    request: HttpRequest, api: Api, recent: Mapping[str, Figures], sparks: Mapping[str, StageMetrics]
) -> ApiOverview:
    return ApiOverview(
        api_id=api.api_id,
        name=api.name,
        description=api.description,
        route_selection_expression=api.route_selection_expression,
        route_keys=[route.route_key for route in api.routes.all()],
        stages=[_stage_overview(request, stage, recent, sparks) for stage in api.stages.all()],
    )


def _stage_overview(
    request: HttpRequest, stage: Stage, recent: Mapping[str, Figures], sparks: Mapping[str, StageMetrics]
) -> StageOverview:
    key = stage_key(stage.api_id, stage.stage_name)
    past = sparks.get(key)
    return StageOverview(
        facts=stage_facts(request, stage, {}),
        key=key,
        figures=recent.get(key, Figures()),
        spark=_thinned(past.series["connections"]) if past else (),
    )


def _urgency(use: BackendUse) -> tuple[int, int, int, str, str]:
    """For sorting: refused calls first, then waiting ones, then the busiest."""
    return -use.refused, -use.waiting, -use.active, use.api_id, use.url


def _backend_overviews(backends: Iterable[BackendUse], apis: Sequence[Api]) -> list[BackendOverview]:
    names = {api.api_id: api.name for api in apis}
    return [
        BackendOverview(
            names.get(use.api_id, use.api_id),
            backend_key(use),
            use,
            [route for route in use.routes if route.waiting or route.refused],
        )
        for use in backends
    ]


def _figures(series: Series, sums: Sums) -> Figures:
    connections = next((value for value in reversed(series["connections"]) if value is not None), 0)
    return Figures(
        connections=int(connections or 0),
        messages_in=_recent_rate(series["messages_in"]),
        messages_out=_recent_rate(series["messages_out"]),
        errors=int(sum(sums[name] or 0 for name in _ERRORS)),
        latency=sums["integration_latency_p95"],
    )


def _recent_rate(values: Sequence[float | None]) -> float:
    return sum(value or 0 for value in values[-_RECENT:]) / _RECENT


def _total(recent: Mapping[str, Figures], sums: Sums) -> Figures:
    now = sum_of(list(recent.values()))
    if not sums:
        return now
    errors = int(sum(sums[name] or 0 for name in _ERRORS))
    return Figures(now.connections, now.messages_in, now.messages_out, errors, sums["integration_latency_p95"])


def _charted(series: Series, step: int) -> dict[str, Sequence[float | None]]:
    if not series:
        return {}
    errors = [sum(value or 0 for value in sample) for sample in zip(*(series[name] for name in _ERRORS), strict=True)]
    rates = {name: [(value or 0) / step for value in series[name]] for name in ("messages_in", "messages_out")}
    latency = {"integration_latency_p95": series["integration_latency_p95"]}
    return {"connections": series["connections"], **rates, "errors": errors, **latency}


def _thinned(values: Sequence[float | None]) -> Sequence[float]:
    """At most so many points as a sparkline has, each the highest of those that it stands for."""
    size = max(1, len(values) // _SPARKS)
    return [max(value or 0 for value in values[start : start + size]) for start in range(0, len(values), size)]


# what needs attention


def _attention(
    apis: Sequence[Api], gateway: LiveConnections | None, api_ids: frozenset[str] | None, lately: Metrics
) -> Iterator[Attention]:
    names = {api.api_id: api.name for api in apis}
    if gateway is None:
        yield Attention("bad", "No gateway runs in this process: start Nopal with manage.py serve.")
    else:
        yield from _of_traffic(gateway, api_ids, names, lately)
    for api in apis:
        yield from _of_stages(api)


def _of_traffic(
    gateway: LiveConnections, api_ids: frozenset[str] | None, names: Mapping[str, str], lately: Metrics
) -> Iterator[Attention]:
    if gateway.draining:
        yield Attention("bad", "The gateway is going away: it lets nobody in any more.")
    for stage in lately.stages:
        where = f"{names.get(stage.api_id, stage.api_id)}, stage {stage.stage}"
        failed = int((stage.sums["integration_error"] or 0) + (stage.sums["execution_error"] or 0))
        if failed:
            url = _connections(api=stage.api_id, stage=stage.stage, errors="1")
            yield Attention("bad", f"{where}: {_count(failed, 'integration error')} in the last 5 minutes", url)
        if lost := int(stage.sums["disconnect_failures"] or 0):
            yield Attention(
                "bad", f"{where}: {_count(lost, '$disconnect event')} could not be delivered in the last 5 minutes"
            )
        if refused := int(stage.sums["refused_count"] or 0):
            yield Attention("wait", f"{where}: {_count(refused, 'connection')} refused in the last 5 minutes")
    if slow := len(gateway.select(ConnectionFilter(slow_consumer=True), api_ids)):
        yield Attention("wait", f"{_count(slow, 'client')} read too slowly", _connections(slow="1"))


def _of_stages(api: Api) -> Iterator[Attention]:
    stages = list(api.stages.all())
    for stage in stages:
        if stage.last_deployment_status_message:
            yield Attention(
                "bad", f"{api.name}, stage {stage.stage_name} was not deployed: {stage.last_deployment_status_message}"
            )
    if not any(stage.deployment_id for stage in stages):
        yield Attention("info", f"{api.name} is deployed to no stage yet: nobody can connect.")


def _of_backends(backends: Iterable[BackendUse], apis: Sequence[Api]) -> Iterator[Attention]:
    names = {api.api_id: api.name for api in apis}
    for use in backends:
        if use.refused:
            calls = _count(use.refused, "call")
            yield Attention(
                "bad",
                f"{names.get(use.api_id, use.api_id)}: {calls} to {use.url} refused because too many were in progress",
            )


def _connections(**query: str) -> str:
    return f"{reverse('home')}connections?{urlencode(query)}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
