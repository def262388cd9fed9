"""The attacks: what attackers do, and what bystanders of another API notice of it."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks.gateway import Gateway
from benchmarks.processes import Process, Worker

BYSTANDERS = 10
_SETTLE_SECONDS = 0.5
_CALM_SECONDS = 4.0
_SAMPLE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Row:
    """What one attack did: round trips of bystanders in milliseconds, resident memory of the gateway in bytes."""

    attack: str
    quiet: Mapping[str, float]
    attacked: Mapping[str, float]
    before: int
    peak: int
    after: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Attack:
    """One kind of attackers with their settings, and the gateway's settings and routes that they meet."""

    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    routes: Mapping[str, str] = field(default_factory=lambda: {"echo": "/echo"})
    environment: Mapping[str, str] = field(default_factory=dict)
    note: Callable[[Mapping[str, Any]], str] = lambda figures: ""
    seconds: float | None = None
    same_backend: bool = False
    """Whether the attackers' routes call the bystanders' backend, and not one of their own."""


_RATE_LIMIT = {"NOPAL_LIMITS": json.dumps({"messagesPerSecond": 100})}


def _floods() -> Iterator[tuple[str, Attack]]:
    for kind in ("pings", "pongs", "fragments", "messages"):
        yield f"flood of {kind}, 2 MB/s", Attack("flood", {"kind": kind})
        yield f"flood of {kind}, 100 messages/s allowed", Attack("flood", {"kind": kind}, environment=_RATE_LIMIT)


def _statuses(figures: Mapping[str, Any]) -> str:
    counts = figures["statuses"]
    return ", ".join(f"{counts[status]:,} x {status}" for status in sorted(counts)) or "nobody"


ATTACKS: dict[str, Attack] = {
    "20 slow readers": Attack("slow-readers", {"clients": 20}, {"large": "/large"}),
    "300 clients x 16 x 128 KB in flight, budget 128 MiB": Attack(
        "in-flight",
        {"clients": 300, "size": 131_072},
        {"slow": "/slow/5"},
        {"NOPAL_MEMORY_BUDGET": "128M"},
    ),
    "32 clients x 16 calls hang at the bystanders' backend": Attack(
        "in-flight", {"clients": 32, "size": 40_000}, {"slow": "/slow/10"}, same_backend=True
    ),
    **dict(_floods()),
    "2,010 handshakes/s": Attack(
        "storm", {"rate": 2_010, "seconds": 8}, {"echo": "/echo", "$connect": "/connect"}, note=_statuses
    ),
    "15,000 clients come back": Attack(
        "reconnect",
        {"clients": 15_000},
        {"echo": "/echo", "$connect": "/connect"},
        note=lambda figures: f"all back in {figures['last']:.1f} s, {sum(figures['refusals'].values()):,} refusals",
        seconds=60,
    ),
}


def measure(name: str, backend: str, seconds: float) -> Row:
    """Run one attack against a gateway of its own, beside bystanders for `seconds` before it and during it."""
    attack = ATTACKS[name]
    with ExitStack() as stack:
        attacked_backend = backend if attack.same_backend else _backend(stack)
        gateway = stack.enter_context(Gateway(backend, **attack.environment))
        url = gateway.create_api({key: f"{attacked_backend}{path}" for key, path in attack.routes.items()})
        bystanders = stack.enter_context(
            Worker("resilience.bystanders", url=gateway.echo_url, clients=BYSTANDERS, seconds=seconds, phases=2)
        )
        attackers = stack.enter_context(Worker("resilience.attackers", url=url, attack=attack.kind, **attack.settings))
        attackers.report()
        bystanders.report()
        bystanders.go()
        quiet = bystanders.report()
        bystanders.report()
        before = gateway.process.usage().resident
        with _peak(gateway.process) as peak:
            attackers.go()
            time.sleep(_SETTLE_SECONDS)
            bystanders.go()
            attacked = bystanders.report()
            if attack.seconds is None:
                attackers.go()
            figures = attackers.report(attack.seconds or 60)
        attackers.stop()
        time.sleep(_CALM_SECONDS)
        after = gateway.process.usage().resident
        return Row(name, quiet, attacked, before, peak[0], after, attack.note(figures))


def _backend(stack: ExitStack) -> str:
    return f"http://127.0.0.1:{stack.enter_context(Worker('backend')).report()['port']}"


@contextmanager
def _peak(process: Process) -> Iterator[list[int]]:
    """The most resident memory while it lasts, looked at twenty times a second."""
    peak, stop = [process.usage().resident], threading.Event()

    def watch() -> None:
        while not stop.wait(_SAMPLE_SECONDS):
            peak[0] = max(peak[0], process.usage().resident)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()
