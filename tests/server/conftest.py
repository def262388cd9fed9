"""Servers as processes of their own, started with the options a test wants."""

from __future__ import annotations

import json
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.rawsocket import RawClient, Response

ROOT = Path(__file__).parents[2]
LISTENING = re.compile(r"Listening on \w+://\S+:(\d+)")
PATIENCE = 20.0  # seconds


class ServerProcess:
    """A running server; `lines` is what it printed so far."""

    def __init__(self, command: list[str], **popen: Any) -> None:
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1, **popen
        )
        self.lines: list[str] = []
        self._fresh: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.port = 0

    def wait_until_listening(self) -> None:
        self.port = int(self.wait_for_line(LISTENING.pattern)[1])

    def wait_for_line(self, pattern: str) -> re.Match[str]:
        """The first line from here on that matches."""
        while (line := self._fresh.get(timeout=PATIENCE)) is not None:
            if match := re.search(pattern, line):
                return match
        raise AssertionError(f"no line matches {pattern!r} in:\n" + "".join(self.lines))

    def client(self, **options: Any) -> RawClient:
        return RawClient(self.port, **options)

    def get(self, target: str, **options: Any) -> Response:
        with self.client() as client:
            return client.request(target, **options)

    def observed(self, key: str) -> Any:
        """The application's next observation under `key`."""
        response = self.get(f"/observed?key={key}")
        assert response.status == 200, "the application observed nothing"
        return json.loads(response.body)

    def memory(self) -> int:
        """Resident memory in KiB."""
        return int(self.get("/memory").body)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        return self.process.wait(PATIENCE)

    def stop(self) -> None:
        """End it at once; the tests of an orderly end send their own signals."""
        self.process.kill()
        self.process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line)
                self._fresh.put(line)
        self._fresh.put(None)


Serve = Callable[..., ServerProcess]


def start(application: str = "tests.server.apps:app", *, popen: Any = None, **options: Any) -> ServerProcess:
    flags = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    command = [sys.executable, "-m", "gatewayapp.server", application, "--port", "0", *flags]
    return ServerProcess(command, **(popen or {}))


@pytest.fixture(scope="session")
def server() -> Iterator[ServerProcess]:
    """A server with the default limits, shared."""
    process = start()
    try:
        process.wait_until_listening()
        yield process
    finally:
        process.stop()


@pytest.fixture(scope="session")
def impatient() -> Iterator[ServerProcess]:
    """A server with small limits and short time-outs, shared."""
    process = start(
        header_timeout=1,
        idle_timeout=1,
        body_timeout=1,
        handshake_timeout=1,
        ping_interval=0.5,
        ping_timeout=0.5,
        close_timeout=0.5,
        linger_timeout=0.5,
        max_body=1000,
        max_upload=2000,
        max_fragments=8,
    )
    try:
        process.wait_until_listening()
        yield process
    finally:
        process.stop()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers with options of the test's own; they end with the test."""
    started: list[ServerProcess] = []

    def serve_with(*arguments: Any, **options: Any) -> ServerProcess:
        started.append(start(*arguments, **options))
        started[-1].wait_until_listening()
        return started[-1]

    yield serve_with
    for process in started:
        process.stop()
