"""The parent's side of a benchmark process: start it, read its reports and what it costs, stop it by its id."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import psutil

PATIENCE = 120.0
"""Seconds that a report may take before the benchmark gives up."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used so far: CPU seconds (user and system, all threads) and resident bytes."""

    cpu: float
    resident: int


class Process:
    """A child process; leaving its context terminates it and waits for its end."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self._child = subprocess.Popen(
            command,
            bufsize=0,  # so that what a selector does not see is not in a buffer either
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
        )
        self._process = psutil.Process(self._child.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._child.pid

    def usage(self) -> Usage:
        times = self._process.cpu_times()
        return Usage(times.user + times.system, self._process.memory_info().rss)

    def line(self, patience: float = PATIENCE) -> str:
        """The next line of its output. Raises RuntimeError when it ends or says nothing for too long."""
        assert self._child.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._child.stdout, selectors.EVENT_READ)
            if not selector.select(patience):
                raise RuntimeError(f"{self._name} said nothing for {patience:g} s.")
        line: str = self._child.stdout.readline().decode()
        if not line:
            raise RuntimeError(f"{self._name} ended early with exit code {self._child.wait()}; see its output above.")
        return line

    def go(self) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(b"go\n")
        self._child.stdin.flush()

    def wait(self, patience: float = PATIENCE) -> None:
        """Wait for its own end. Raises RuntimeError when that is a failure."""
        if code := self._child.wait(patience):
            raise RuntimeError(f"{self._name} failed with exit code {code}; see its output above.")

    def stop(self, patience: float = 20.0) -> None:
        """Ask it to end, by its id, and kill it when it does not in `patience` seconds."""
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
        try:
            self._child.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.communicate()

    @property
    def _name(self) -> str:
        return " ".join(map(str, self._child.args)) if isinstance(self._child.args, list) else str(self._child.args)


class Worker(Process):
    """A module of this package as a process: takes settings, gives reports."""

    def __init__(self, module: str, environment: Mapping[str, str] | None = None, **settings: Any) -> None:
        super().__init__([sys.executable, "-m", f"benchmarks.{module}", json.dumps(settings)], environment)

    def report(self, patience: float = PATIENCE) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.line(patience))
        return document


@contextmanager
def on_processors(which: set[int]) -> Iterator[None]:
    """Run on these processors only; a process that is started meanwhile does so for good. Linux only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, which)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass(frozen=True, slots=True)
class Measured:
    """A load generator's figures, with what the process under test used meanwhile."""

    figures: dict[str, Any]
    cpu: float
    resident: int
    elapsed: float


def measure(worker: Worker, under_test: Process) -> Measured:
    """Let a load generator that is about to be ready do its work, and watch the process under test."""
    worker.report()
    before, start = under_test.usage(), time.perf_counter()
    worker.go()
    figures = worker.report()
    after, end = under_test.usage(), time.perf_counter()
    return Measured(figures, after.cpu - before.cpu, after.resident, end - start)
