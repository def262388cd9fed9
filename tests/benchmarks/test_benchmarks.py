"""The benchmarks run from one command, and refuse to count what is no true round trip."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.server import Server, ServerConnection, serve

from benchmarks.processes import Worker

ROOT = Path(__file__).parents[2]


@pytest.fixture
def forger() -> Iterator[Server]:
    """A WebSocket server that changes one letter of what it echoes."""

    def answer(connection: ServerConnection) -> None:
        for text in connection:
            connection.send(str(text).replace("x", "y", 1))

    with serve(answer, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server


def test_one_command_measures_and_writes_figures_with_the_facts_of_the_machine(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    command = ["-m", "benchmarks", "--floor-only", "--only", "roundtrip-1", "--seconds", "0.3", "--json", str(file)]

    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)

    figures = json.loads(file.read_text())
    assert [summary["scenario"] for summary in figures["summary"]] == ["floor, 1 clients"]
    assert figures["summary"][0]["rate"] > 0
    assert figures["machine"]["cores"] > 0
    assert "floor, 1 clients" in done.stdout


def test_a_reply_with_one_wrong_letter_is_not_counted(forger: Server) -> None:
    host, port = forger.socket.getsockname()[:2]
    settings = {"url": f"ws://{host}:{port}/", "clients": 1, "size": 200, "seconds": 1.0, "warm_up": 0.1}

    with Worker("load", **settings) as load, pytest.raises(RuntimeError, match="ended early"):
        load.report()


def test_an_unknown_scenario_is_answered_with_those_that_there_are() -> None:
    command = [sys.executable, "-m", "benchmarks", "--floor-only", "--only", "teleports"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 1
    assert "roundtrip-50" in done.stderr
