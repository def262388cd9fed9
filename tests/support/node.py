"""A gateway process of the test's own, `manage.py serve` on a free port: to be starved, killed and started again.

    node = Node(directory, NOPAL_CONNECTIONS_PER_ADDRESS="5")
    node.start()
    ...
    node.kill()
    node.start()    # the same data directory

What it is asked from outside are facts of the operating system and of the database file, not of its memory.
"""

import json
import os
import queue
import re
import shutil
import signal
import sqlite3
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil

from tests.support.operations import Operations
from tests.support.rawsocket import RawClient
from tests.support.rest import CREATE_ADMINISTRATOR

_ROOT = Path(__file__).parents[2]
_SERVES = re.compile(r"Nopal serves (https?)://(.+):(\d+)")
_PATIENCE = 90.0


class Node:
    """One gateway and its data directory; `environment`: further settings, `arguments`: further options of `serve`."""

    def __init__(
        self,
        directory: Path,
        *,
        host: str = "127.0.0.1",
        arguments: tuple[str, ...] = (),
        template: Path | None = None,
        before_start: Callable[[], None] | None = None,
        **environment: str,
    ) -> None:
        if template is not None:
            shutil.copytree(template, directory, dirs_exist_ok=True)
        self.directory = directory
        self.host = host
        self.port = 0
        self.scheme = "http"
        self.trust: ssl.SSLContext | None = None
        """What the tests' own clients trust a node by that speaks TLS."""
        self.lines: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("NOPAL_")},
            "DJANGO_SETTINGS_MODULE": "gatewayapp.settings",
            "NOPAL_DATA_DIR": str(directory),
            "NOPAL_ANONYMOUS_CALLBACKS": "on",
            "NOPAL_READINESS_GRACE": "0",
            **environment,
        }
        self._arguments = arguments
        self._before_start = before_start
        self._fresh: queue.Queue[str | None] = queue.Queue()
        self._reader: threading.Thread | None = None
        self._operations: Operations | None = None

    # the process

    def launch(self) -> None:
        """Start the process without waiting for anything."""
        command = [sys.executable, "manage.py", "serve", "--host", self.host, "--port", "0", *self._arguments]
        self.process = subprocess.Popen(
            command,
            cwd=_ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            preexec_fn=self._before_start,
        )
        self._fresh = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=(self.process, self._fresh), daemon=True)
        self._reader.start()

    def start(self) -> None:
        """Start the process, and return once it serves."""
        self.launch()
        found = self.wait_for_line(_SERVES)
        self.scheme, self.port = found[1], int(found[3])

    def wait_for_line(self, pattern: str | re.Pattern[str]) -> re.Match[str]:
        """The first line from here on that matches."""
        while (line := self._fresh.get(timeout=_PATIENCE)) is not None:
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"no line matches {pattern!r} in:\n" + "".join(self.lines[-100:]))

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self) -> int:
        """The exit code, once the process has ended."""
        assert self.process is not None
        assert self._reader is not None
        code = self.process.wait(_PATIENCE)
        self._reader.join()
        return code

    def kill(self) -> None:
        """End the process as a crash would."""
        self.signal(signal.SIGKILL)
        self.wait()

    def stop(self) -> None:
        """End it and what serves its configuration, for good."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        if self._operations is not None:
            self._operations.stop()

    # where it is

    @property
    def authority(self) -> str:
        return f"{self.host}:{self.port}"

    def path(self, api_id: str, stage: str) -> str:
        return f"/ws/{api_id}/{stage}"

    def client(self, **options: Any) -> RawClient:
        return RawClient(self.port, host=self.host, tls=self.trust, **options)

    # its configuration

    def call(self, operation: str, **arguments: Any) -> Any:
        """Carry out an operation of the control plane, in another process than the gateway's."""
        if self._operations is None:
            self._operations = Operations(self.environment)
        return self._operations.call(operation, **arguments)

    def get(self, path: str) -> Any:
        """What the REST API responds to an administrator's GET of a path below `/api/v1/`."""
        with self.client() as raw:
            response = raw.request(f"/api/v1/{path}", headers=[("Authorization", f"Bearer {self._token}")])
        assert response.status == 200, response
        return json.loads(response.body)

    @cached_property
    def _token(self) -> str:
        done = subprocess.run(
            [sys.executable, "-c", CREATE_ADMINISTRATOR, "administrator"],
            cwd=_ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        token: str = json.loads(done.stdout)["token"]
        return token

    # its state

    def rows(self, api_id: str) -> list[str]:
        """The ids of the connections that the database knows of, open or not yet reported as closed."""
        return [
            row[0] for row in self._query("SELECT connection_id FROM gatewayapp_connection WHERE api_id = ?", api_id)
        ]

    def count_closed(self, api_id: str) -> int:
        """How many of them have ended."""
        query = "SELECT count(*) FROM gatewayapp_connection WHERE api_id = ? AND closed_at IS NOT NULL"
        count: int = self._query(query, api_id)[0][0]
        return count

    def _query(self, query: str, *parameters: str) -> list[Any]:
        database = sqlite3.connect(f"file:{self.directory / 'nopal.sqlite3'}?mode=ro", uri=True)
        try:
            return database.execute(query, parameters).fetchall()
        finally:
            database.close()

    @contextmanager
    def locked_database(self) -> Iterator[None]:
        """Hold the database's write lock, as a stuck process would."""
        database = sqlite3.connect(self.directory / "nopal.sqlite3", isolation_level=None)
        try:
            database.execute("BEGIN IMMEDIATE")
            yield
        finally:
            database.close()

    @property
    def statistics(self) -> psutil.Process:
        assert self.process is not None
        return psutil.Process(self.process.pid)

    @property
    def memory(self) -> int:
        """Resident memory in bytes."""
        return int(self.statistics.memory_info().rss)

    @property
    def cpu_seconds(self) -> float:
        times = self.statistics.cpu_times()
        return float(times.user + times.system)

    def peers(self) -> int:
        """Open TCP connections to its port."""
        connections = self.statistics.net_connections("tcp")
        return sum(each.laddr.port == self.port and each.status != psutil.CONN_LISTEN for each in connections)

    def complaints(self) -> list[str]:
        """Lines that a healthy gateway never writes."""
        return [
            line for line in self.lines if "Traceback" in line or "Unexpected failure" in line or "Exception" in line
        ]

    def _read(self, process: subprocess.Popen[str], fresh: "queue.Queue[str | None]") -> None:
        assert process.stdout is not None
        with process.stdout as output:
            for line in output:
                self.lines.append(line)
                fresh.put(line)
        fresh.put(None)
