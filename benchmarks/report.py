"""Results as a table for people and as JSON for machines, with the facts of the machine they come from."""

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import psutil

_LIBRARIES = ("channels", "daphne", "django", "httptools", "orjson", "twisted", "uvloop", "websockets")
_HEADINGS = ("scenario", "rate/s", "p50 ms", "p99 ms", "CPU s/10,000", "× floor", "RSS MiB", "note")


@dataclass(frozen=True, slots=True)
class Result:
    """What one run of a scenario measured; `cpu` is the process's under test, in seconds per 10,000 operations."""

    scenario: str
    rate: float
    cpu: float
    resident: int
    p50_ms: float | None = None
    p99_ms: float | None = None
    floor: str = ""
    """The scenario whose CPU time is this one's floor."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """The medians of a scenario's runs, and the CPU time over that of the floor."""

    scenario: str
    runs: int
    rate: float
    p50_ms: float | None
    p99_ms: float | None
    cpu: float
    over_floor: float | None
    resident: int
    note: str


def summarize(results: Sequence[Result]) -> list[Summary]:
    """One summary for each scenario, in order of first appearance."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.scenario, []).append(result)
    cpu = {scenario: median(result.cpu for result in group) for scenario, group in groups.items()}
    return [
        Summary(
            scenario=scenario,
            runs=len(group),
            rate=median(result.rate for result in group),
            p50_ms=_median(result.p50_ms for result in group),
            p99_ms=_median(result.p99_ms for result in group),
            cpu=cpu[scenario],
            over_floor=cpu[scenario] / cpu[group[0].floor] if cpu.get(group[0].floor) else None,
            resident=int(median(result.resident for result in group)),
            note=group[-1].note,
        )
        for scenario, group in groups.items()
    ]


def table(summaries: Iterable[Summary]) -> str:
    rows = [_HEADINGS, *map(_row, summaries)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(_aligned(cell, width, n) for n, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def write_json(path: Path, summaries: Sequence[Summary], results: Sequence[Result]) -> None:
    document = {
        "machine": machine(),
        "summary": list(map(asdict, summaries)),
        "runs": list(map(asdict, results)),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def machine() -> dict[str, Any]:
    """What the figures depend on beside the gateway."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{library: version(library) for library in _LIBRARIES},
    }


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _row(summary: Summary) -> tuple[str, ...]:
    return (
        summary.scenario,
        f"{summary.rate:,.0f}",
        _figure(summary.p50_ms),
        _figure(summary.p99_ms),
        f"{summary.cpu:.3f}",
        _figure(summary.over_floor),
        f"{summary.resident / 2**20:.0f}",
        summary.note,
    )


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _aligned(cell: str, width: int, column: int) -> str:
    """Names and notes to the left, figures to the right."""
    return cell.ljust(width) if column in (0, len(_HEADINGS) - 1) else cell.rjust(width)
