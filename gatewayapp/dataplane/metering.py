"""Figures over time: every meter is sampled once a second on the event loop, and read from any thread.

What is read is computed when someone asks; a sample costs microseconds for each stage that is in use.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from time import time

from gatewayapp.core.metrics import RANGES, Histogram, Samples, empty_histogram, merged, percentile
from gatewayapp.core.snapshot import Route
from gatewayapp.dataplane.connections import Connections
from gatewayapp.dataplane.meters import COUNTS, NO_ROUTE, ROUTE_COUNTS, RouteMeter, StageMeter
from gatewayapp.dataplane.stages import StageHandle, Stages
from gatewayapp.live.metrics import (
    LATENCIES,
    Metrics,
    Rates,
    RouteMetrics,
    RouteRates,
    Series,
    StageMetrics,
    StageRates,
    StageRouteMetrics,
    Sums,
)

_RATES_SECONDS = 10


class Metering:
    """Samples the meters of all stages in use, and answers what they have seen."""

    def __init__(self, stages: Stages, connections: Connections) -> None:
        self._stages = stages
        self._connections = connections
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Sample at the start of every second."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(1.001 - time() % 1, self._sample)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _sample(self) -> None:
        second = int(time())
        for stage in self._stages.in_use():
            _sample_stage(stage.meter, second, self._connections.of_stage(stage.key))
        self.start()

    # reading

    def metrics(self, api_ids: frozenset[str] | None, range_name: str, stage: str = "") -> Metrics:
        second, span = int(time()), RANGES[range_name]
        meant = [
            handle
            for handle in self._stages.in_use()
            if (api_ids is None or handle.key.api_id in api_ids) and stage in ("", handle.key.stage)
        ]
        samples = [handle.meter.history.read(range_name, second) for handle in meant]
        start = (second // span.step - span.points) * span.step
        total = _added(samples, len(COUNTS), span.points)
        return Metrics(
            start=start,
            step=span.step,
            stages=tuple(_stage_metrics(*pair, start) for pair in zip(meant, samples, strict=True)),
            series=_stage_series(total),
            sums=_sums(COUNTS, total),
        )

    def route_metrics(self, api_id: str, stage: str, range_name: str) -> StageRouteMetrics:
        second, span = int(time()), RANGES[range_name]
        start = (second // span.step - span.points) * span.step
        handle = self._stages.find_in_use(api_id, stage)
        if handle is None:
            return StageRouteMetrics(start, span.step, (), ())
        routes = (
            _route_metrics(key, _integration_id(handle, key), meter, meter.history.read(range_name, second))
            for key, meter in list(handle.meter.routes.items())
        )
        return StageRouteMetrics(start, span.step, tuple(routes), tuple(handle.meter.deployments))

    def route_rates(self, api_id: str, stage: str) -> StageRates:
        handle = self._stages.find_in_use(api_id, stage)
        if handle is None:
            return StageRates()
        second, meters = int(time()), dict(handle.meter.routes)
        recent = {key: meter.history.recent(second, _RATES_SECONDS) for key, meter in meters.items()}
        keys = [*handle.snapshot.api.routes, *([NO_ROUTE] if NO_ROUTE in meters else [])]
        routes = tuple(
            RouteRates(
                key,
                _integration_id(handle, key),
                _rates([recent[key]] if key in recent else []),
                meters[key].last_error if key in meters else None,
            )
            for key in keys
        )
        calling: dict[str, list[tuple[list[float], Histogram]]] = {}
        for route in routes:
            if route.integration_id is not None:
                calling.setdefault(route.integration_id, []).extend(
                    [recent[route.route_key]] if route.route_key in recent else []
                )
        return StageRates(routes, {integration_id: _rates(of_routes) for integration_id, of_routes in calling.items()})


def _sample_stage(meter: StageMeter, second: int, connections: int) -> None:
    routes = list(meter.routes.values())
    for route in routes:
        route.history.show(second, route.counts, list(route.latencies))
    latencies = [sum(each) for each in zip(*(route.latencies for route in routes), strict=True)] or empty_histogram()
    meter.history.show(second, meter.counts, latencies, connections)


def _stage_metrics(handle: StageHandle, samples: Samples, start: int) -> StageMetrics:
    return StageMetrics(
        handle.key.api_id,
        handle.key.stage,
        _stage_series(samples),
        _sums(COUNTS, samples),
        tuple(each for each in list(handle.meter.deployments) if each.at >= start * 1000),
    )


def _stage_series(samples: Samples) -> Series:
    return {"connections": list(samples.gauge), **_series(COUNTS, samples)}


def _route_metrics(key: str, integration_id: str | None, meter: RouteMeter, samples: Samples) -> RouteMetrics:
    return RouteMetrics(
        key, integration_id, _series(ROUTE_COUNTS, samples), _sums(ROUTE_COUNTS, samples), meter.last_error
    )


def _series(names: Sequence[str], samples: Samples) -> Mapping[str, list[float | None]]:
    histograms = [merged([packed]) if packed else None for packed in samples.histograms]
    series: dict[str, list[float | None]] = {
        name: list(column) for name, column in zip(names, samples.columns, strict=True)
    }
    for name, share in LATENCIES.items():
        series[name] = [None if each is None else _milliseconds(each, share) for each in histograms]
    return series


def _sums(names: Sequence[str], samples: Samples) -> Sums:
    histogram = merged(samples.histograms)
    counts = {name: sum(column) for name, column in zip(names, samples.columns, strict=True)}
    return {**counts, **{name: _milliseconds(histogram, share) for name, share in LATENCIES.items()}}


def _added(samples: Iterable[Samples], counts: int, points: int) -> Samples:
    """The samples of several stages as those of one."""
    total = Samples([[0.0] * points for _ in range(counts)], [0.0] * points, [b""] * points)
    for each in samples:
        columns = [_sum_of(*pair) for pair in zip(total.columns, each.columns, strict=True)]
        packed = [*map(bytes.__add__, total.histograms, each.histograms)]
        total = Samples(columns, _sum_of(total.gauge, each.gauge), packed)
    return total


def _sum_of(first: Iterable[float], second: Iterable[float]) -> list[float]:
    return [one + other for one, other in zip(first, second, strict=True)]


def _rates(recent: Sequence[tuple[list[float], Histogram]]) -> Rates:
    """The rates of some routes together."""
    if not recent:
        return Rates()
    count, *errors = (sum(each) / _RATES_SECONDS for each in zip(*(sums for sums, _ in recent), strict=True))
    histogram = [sum(each) for each in zip(*(histogram for _, histogram in recent), strict=True)]
    return Rates(count, sum(errors), _milliseconds(histogram, 0.95))


def _milliseconds(histogram: Histogram, share: float) -> float | None:
    seconds = percentile(histogram, share)
    return None if seconds is None else round(seconds * 1000, 3)


def _integration_id(handle: StageHandle, key: str) -> str | None:
    route: Route | None = handle.snapshot.api.routes.get(key)
    return route.integration.integration_id if route and route.integration else None
