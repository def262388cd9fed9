"""What the documentation starts from: a gateway of one's own and a backend that echoes."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.documents import ROOT
from tests.support.gateway import Gateway, wait_until
from tests.support.ports import free_port, listens


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with Gateway(tmp_path / "data") as gateway:
        yield gateway


@pytest.fixture
def echo() -> Iterator[str]:
    """The backend of the README, on a free port."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "examples/echo.py", str(port)], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: listens(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
