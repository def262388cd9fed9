"""A PostgreSQL server of the test's own, on a free port of loopback, to be stopped and started again.

Needs Debian's package `postgresql` (or `initdb` on the path) and psycopg; tests that want it are skipped without them.
"""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.ports import free_port

_USER = "postgres"
_OPTIONS = ("fsync=off", "full_page_writes=off", "unix_socket_directories=", "listen_addresses=127.0.0.1")


class PostgreSQL:
    """One server and its empty database."""

    def __init__(self) -> None:
        self._binaries = _find_binaries()
        self._directory = Path(tempfile.mkdtemp(prefix="nopal-postgresql-"))
        if os.getuid() == 0:  # it refuses to run as root
            shutil.chown(self._directory, _USER)
        self.port = free_port()
        self._run("initdb", "--auth=trust", f"--username={_USER}", "--no-sync")

    @property
    def url(self) -> str:
        return f"postgres://{_USER}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = " ".join(f"-c {option}" for option in _OPTIONS)
        self._run("pg_ctl", "start", "--wait", f"--log={self._directory}/log", f"--options=-p {self.port} {options}")

    def stop(self) -> None:
        """Stop at once, breaking every connection."""
        self._run("pg_ctl", "stop", "--wait", "--mode=fast")

    def remove(self) -> None:
        if (self._directory / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self._directory)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), f"--pgdata={self._directory}", *arguments]
        user = _USER if os.getuid() == 0 else None
        done = subprocess.run(command, cwd="/", user=user, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 0, done.stderr


def missing() -> str:
    """Why no server can be started, empty where one can."""
    if importlib.util.find_spec("psycopg") is None:
        return "psycopg is not installed"
    return "" if _find_binaries() is not None else "PostgreSQL is not installed"


def _find_binaries() -> Path | None:
    found = shutil.which("initdb")
    candidates = [Path(found).resolve().parent] if found else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((each for each in candidates if (each / "pg_ctl").exists()), None)
