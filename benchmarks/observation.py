"""`python -m benchmarks.observation [--rounds N] [--seconds N]`: what it costs the data plane that someone looks on.

Round trips of 50 clients through an HTTP_PROXY integration of one running gateway, in short rounds that take turns:
someone has the list of connections open, someone has the page of traffic open, and the stage traces all by itself.
Before and after each comes a round that nobody watches, and each is compared with the mean of these two: a virtual
machine may be twice as fast in one second as in the one before. The medians of all turns are printed. One more round
without anyone, compared in the same way, shows how much is noise. Where there are two processors or more the gateway
has one to itself, so that how the system shares them out does not count.
"""

import argparse
import json
import os
import sys
import threading
import time
import timeit
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from statistics import median, quantiles
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from websockets import Origin
from websockets.sync.client import connect

from benchmarks.gateway import STAGE, Gateway
from benchmarks.processes import Worker, measure, on_processors
from benchmarks.report import machine
from benchmarks.scenarios import MESSAGE_SIZE
from gatewayapp.core.limits import StageLimits
from gatewayapp.core.masking import Mask
from gatewayapp.core.messages import ConnectionInfo
from gatewayapp.core.snapshot import StageSnapshot, load
from gatewayapp.dataplane.observation import Recorder

CLIENTS = 50
"""Of each of two stages; the list of connections shows both."""
TRACED = "traced"
_PER = 10_000
_WARM_UP = 0.5
_TIMES = 200_000
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Round:
    """What one round measured: round trips a second, and the gateway's CPU seconds for 10,000 of them."""

    rate: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Kind:
    """A way of looking on: whose round trips are measured, and what goes on beside them."""

    name: str
    load: Worker
    beside: Callable[[], AbstractContextManager[None]] = nullcontext


@dataclass(frozen=True, slots=True)
class Compared:
    """A round, and the means of the two around it that nobody watched."""

    round: Round
    rate: float
    cpu: float


Turn = dict[str, Compared]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.observation", description=sys.modules[__name__].__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="of each kind (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long a round lasts (default: %(default)s)")
    options = parser.parse_args(arguments)
    facts = machine()
    with ExitStack() as stack:
        turns = _turns(stack, options.rounds, options.seconds)
    print(
        f"{facts['processor']}, {facts['cores']} cores, Python {facts['python']}, load {facts['load_average'][0]} "
        f"before; medians of {options.rounds} rounds of {options.seconds:g} s, {CLIENTS} clients\n"
    )
    print(_table(turns))
    print(f"\nTo ask whether anyone watches takes {_microseconds_of_asking():.2f} µs for a message.")


def _turns(stack: ExitStack, rounds: int, seconds: float) -> list[Turn]:
    """Start what is measured and who looks on, which `stack` stops, and measure; the first turn only warms up."""
    first, others = _processors()
    stack.enter_context(on_processors(others))
    backend = f"http://127.0.0.1:{stack.enter_context(Worker('backend')).report()['port']}"
    with on_processors(first):
        gateway = stack.enter_context(Gateway(backend))
    viewer = Viewer(gateway)
    traced_url = gateway.add_stage(TRACED, DefaultRouteSettings={"DataTraceEnabled": True})
    settings = {"clients": CLIENTS, "size": MESSAGE_SIZE, "seconds": seconds, "warm_up": _WARM_UP, "warm_up_each": True}
    quiet = stack.enter_context(Worker("load", url=gateway.echo_url, rounds=8 * (rounds + 1), **settings))
    traced = stack.enter_context(Worker("load", url=traced_url, rounds=rounds + 2, **settings))
    viewer.await_connections(2 * CLIENTS)
    kinds = [
        Kind("nobody watches", quiet),
        Kind("the list of connections is open", quiet, viewer.list_open),
        Kind("the page of traffic is open", quiet, viewer.traffic_open),
        Kind("the stage traces all", traced),
    ]
    turns = [_turn(kinds, gateway, number) for number in range(rounds + 1)]
    quiet.wait()
    _round(kinds[-1], gateway)  # whose traces are the last ones then, and still there
    traced.wait()
    viewer.check_traces()
    return turns[1:]


def _turn(kinds: Sequence[Kind], gateway: Gateway, number: int) -> Turn:
    """A round of each kind, and one that nobody watches before and after each; each turn begins with another kind."""
    first = number % len(kinds)
    before, turn = _round(kinds[0], gateway), {}
    for kind in [*kinds[first:], *kinds[:first]]:
        measured, after = _round(kind, gateway), _round(kinds[0], gateway)
        turn[kind.name] = Compared(measured, (before.rate + after.rate) / 2, (before.cpu + after.cpu) / 2)
        before = after
    return turn


def _processors() -> tuple[set[int], set[int]]:
    """One for the gateway and those for all others; the same where there is but one."""
    usable = os.sched_getaffinity(0)
    first = {min(usable)}
    return first, usable - first or first


def _round(kind: Kind, gateway: Gateway) -> Round:
    print(f"{kind.name} …", file=sys.stderr, flush=True)
    with kind.beside():
        _warm_up(kind.load)
        measured = measure(kind.load, gateway.process)
    count = measured.figures["count"]
    return Round(count / measured.figures["elapsed"], measured.cpu / count * _PER)


def _warm_up(load: Worker) -> None:
    """Let what the page costs when it is opened pass by, and what is recorded beyond the pace that can be kept up."""
    load.report()
    load.go()


class Viewer:
    """Someone with pages of the dashboard open: their live sockets, as a browser opens them."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        with Worker("viewer", environment=gateway.environment) as worker:
            signed_in = worker.report()
        self._cookie, self._token = signed_in["cookie"], signed_in["token"]

    def await_connections(self, count: int) -> None:
        give_up = time.monotonic() + _PATIENCE
        while len(ids := self._gateway.connection_ids()) != count:
            if time.monotonic() > give_up:
                raise RuntimeError(f"{len(ids)} connections are open, not {count}.")
            time.sleep(0.05)
        self._list = f"/live/connections?ids={','.join(ids)}&since={int(time.time() * 1000)}"

    def list_open(self) -> AbstractContextManager[None]:
        return self._open(self._list)

    def traffic_open(self) -> AbstractContextManager[None]:
        return self._open(f"/live/traffic/?{urlencode({'api': self._gateway.echo_api, 'stage': STAGE})}")

    def check_traces(self) -> None:
        """See that the stage that traces all did so; only at the end, as whoever reads traces has them recorded."""
        query = urlencode({"stage": TRACED, "pageSize": 1})
        request = Request(f"{self._gateway.url}/api/v1/traces?{query}")
        request.add_header("Authorization", f"Bearer {self._token}")
        with urlopen(request, timeout=_PATIENCE) as answer:
            if not json.load(answer)["items"]:
                raise RuntimeError("The stage that is to trace all has recorded nothing.")

    @contextmanager
    def _open(self, path: str) -> Iterator[None]:
        """A page that must be told of something while it is open."""
        told = 0

        def read() -> None:
            nonlocal told
            for _ in socket:
                told += 1

        url = self._gateway.url
        with connect(
            url.replace("http", "ws", 1) + path, additional_headers={"Cookie": self._cookie}, origin=Origin(url)
        ) as socket:
            reader = threading.Thread(target=read)
            reader.start()
            yield
        reader.join()
        if not told:
            raise RuntimeError(f"Whoever watched {path[:40]} was told nothing.")


def _table(turns: Sequence[Turn]) -> str:
    lines = [f"{'':32} {'rate/s':>8} {'CPU s/10,000':>13} {'rate × nobody':>14} {'quartiles':>14} {'CPU × nobody':>13}"]
    for name in turns[0]:
        rates = [turn[name].round.rate / turn[name].rate for turn in turns]
        low, _, high = quantiles(rates) if len(rates) > 1 else rates * 3
        costs = [turn[name].round.cpu / turn[name].cpu for turn in turns]
        rate = median(turn[name].round.rate for turn in turns)
        cpu = median(turn[name].round.cpu for turn in turns)
        lines.append(
            f"{name:32} {rate:8,.0f} {cpu:13.3f} {median(rates):14.3f} {f'{low:.3f}–{high:.3f}':>14} "
            f"{median(costs):13.3f}"
        )
    return "\n".join(lines)


def _microseconds_of_asking() -> float:
    """What every message pays while nobody watches."""
    document = {"api": {"apiId": "api", "routeSelectionExpression": "$request.body.action"}}
    stage = StageSnapshot(load({**document, "integrations": [], "routes": []}), STAGE, {}, StageLimits())
    connection = ConnectionInfo("id", "api", STAGE, "localhost", 0, "127.0.0.1")
    recorder = Recorder(Mask())
    return timeit.timeit(lambda: recorder.begin(stage, connection), number=_TIMES) / _TIMES * 1e6


if __name__ == "__main__":
    main()
