"""The scenarios: which load meets which process, and what is asked of the outcome before it counts.

A round trip through the floor goes before every round trip through the gateway, so that both see the same machine.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.request import urlopen

from benchmarks.gateway import Gateway
from benchmarks.processes import Measured, Process, Usage, Worker, measure
from benchmarks.report import Result

CLIENTS = (1, 50, 500)
MESSAGE_SIZE = 200
_WARM_UP = 0.5
_PER = 10_000
_IDLE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Bench:
    """What runs during all scenarios, and how long each may load it (seconds)."""

    backend: str
    floor: Process
    floor_url: str
    gateway: Gateway | None
    seconds: float
    connections: int


Scenario = Callable[[Bench], Iterator[Result]]


def round_trips(clients: int) -> Scenario:
    """Messages through HTTP_PROXY and back, by so many clients, beside the floor."""

    def run(bench: Bench) -> Iterator[Result]:
        floor = f"floor, {clients} clients"
        yield _round_trips(bench, floor, clients, bench.floor, bench.floor_url)
        if bench.gateway is not None:
            name = f"round trip, {clients} clients"
            yield _round_trips(bench, name, clients, bench.gateway.process, bench.gateway.echo_url, floor)

    return run


def stock(bench: Bench) -> Iterator[Result]:
    """Echoes of stock Daphne: no gateway and no backend, but a figure of this machine that compares with others'."""
    with Worker("stock") as daphne:
        url = f"ws://127.0.0.1:{daphne.report()['port']}/"
        with _load(url, 50, bench) as load:
            measured = measure(load, daphne)
            load.wait()
    yield _result("stock Daphne, echo only, 50 clients", measured)


def _load(url: str, clients: int, bench: Bench) -> Worker:
    return Worker("load", url=url, clients=clients, size=MESSAGE_SIZE, seconds=bench.seconds, warm_up=_WARM_UP)


def _round_trips(bench: Bench, name: str, clients: int, under_test: Process, url: str, floor: str = "") -> Result:
    served = _served(bench)
    with _load(url, clients, bench) as load:
        measured = measure(load, under_test)
        load.wait()
    asked = _served(bench) - served
    if asked < measured.figures["count"]:
        raise RuntimeError(f"{measured.figures['count']} replies, but the backend was asked {asked} times.")
    return _result(name, measured, floor=floor)


def pushes(bench: Bench) -> Iterator[Result]:
    """Signed POSTs to `@connections` by 50 senders, for 500 listening clients."""
    gateway = _gateway(bench)
    with Worker(
        "pushes",
        url=gateway.echo_url,
        callback=gateway.callback_url,
        access_key_id=gateway.access_key_id,
        secret=gateway.secret,
        region=gateway.region,
        listeners=500,
        clients=50,
        size=MESSAGE_SIZE,
        seconds=bench.seconds,
        warm_up=_WARM_UP,
    ) as load:
        measured = measure(load, gateway.process)
        load.wait()
    yield _result("signed pushes, 50 senders", measured, note="all delivered")


def connects(bench: Bench) -> Iterator[Result]:
    """New connections by 50 diallers, each with its call of the `$connect` backend and its row in the registry."""
    gateway = _gateway(bench)
    served = _served(bench)
    with Worker(
        "connects",
        url=gateway.connect_url,
        clients=50,
        most=bench.connections,
        seconds=bench.seconds,
        warm_up=_WARM_UP,
    ) as load:
        measured = measure(load, gateway.process)
        opened, rows = measured.figures["open"], gateway.connection_rows()
        load.report()
        load.go()
        if rows < opened or _served(bench) - served < opened:
            raise RuntimeError(f"{opened} connections are open, but the registry has {rows} rows.")
        load.wait()
    yield _result("connects, 50 at once", measured, note=f"{opened:,} held, {rows:,} rows")


def memory(bench: Bench) -> Iterator[Result]:
    """What an idle connection costs in memory and in time, in a gateway that has no free memory left from before."""
    with (
        Gateway(bench.backend) as gateway,
        Worker("memory", url=gateway.echo_url, clients=bench.connections) as load,
    ):
        load.report()
        before = gateway.process.usage()
        load.go()
        start = time.perf_counter()
        load.report()
        elapsed, opened = time.perf_counter() - start, gateway.process.usage()
        time.sleep(_IDLE_SECONDS)
        idle = gateway.process.usage()
        load.go()
        load.report()
        spoken = gateway.process.usage()
        load.go()
        load.wait()

    def each(usage: Usage) -> float:
        return (usage.resident - before.resident) / bench.connections / 1024

    yield Result(
        scenario=f"{bench.connections:,} idle connections",
        rate=bench.connections / elapsed,
        cpu=(opened.cpu - before.cpu) / bench.connections * _PER,
        resident=idle.resident,
        note=f"{each(idle):.1f} KiB each, {each(spoken):.1f} after a message; "
        f"{(idle.cpu - opened.cpu) / _IDLE_SECONDS:.1%} of a core",
    )


SCENARIOS: dict[str, Scenario] = {
    "stock": stock,
    **{f"roundtrip-{clients}": round_trips(clients) for clients in CLIENTS},
    "pushes": pushes,
    "connects": connects,
    "memory": memory,
}


def _result(name: str, measured: Measured, floor: str = "", note: str = "") -> Result:
    count = measured.figures["count"]
    return Result(
        scenario=name,
        rate=count / measured.figures["elapsed"],
        cpu=measured.cpu / count * _PER,
        resident=measured.resident,
        p50_ms=measured.figures["p50_ms"],
        p99_ms=measured.figures["p99_ms"],
        floor=floor,
        note=note,
    )


def _served(bench: Bench) -> int:
    with urlopen(f"{bench.backend}/served", timeout=10) as answer:
        return int(answer.read())


def _gateway(bench: Bench) -> Gateway:
    if bench.gateway is None:
        raise RuntimeError("This scenario needs the gateway: leave out --floor-only.")
    return bench.gateway
