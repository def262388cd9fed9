"""A gateway that reads an expensive document meanwhile serves everyone else as before."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from tests.interchange.samples import DOCUMENT
from tests.support.gateway import Gateway
from tests.support.rest import administrator

EXPENSIVE = "nopal: 1\napi: {name: chat, routeSelectionExpression: a}\nvalues: [" + "1, " * 80_000 + "]"


def test_a_document_is_read_off_the_gateway_s_process(tmp_path: Path) -> None:
    with Gateway(tmp_path / "data") as gateway:
        rest = administrator(gateway)
        rest.post("import", {"document": DOCUMENT, "dryRun": True})
        process = psutil.Process(gateway._process.pid)
        [reader] = process.children()
        before = cpu_seconds(process), cpu_seconds(reader)

        answered = 0
        with ThreadPoolExecutor(1) as executor:
            refused = executor.submit(rest, "POST", "import", {"document": EXPENSIVE})
            while not refused.done():
                assert gateway.http("GET", "/healthz").status == 200
                answered += 1
                time.sleep(0.02)

        assert refused.result().json()["problems"][0]["place"] == "values"
        assert answered >= 5
        assert [child.pid for child in process.children()] == [reader.pid]
        gateway_seconds, reader_seconds = cpu_seconds(process) - before[0], cpu_seconds(reader) - before[1]
        assert gateway_seconds < reader_seconds


def test_the_reading_process_ends_with_its_gateway(tmp_path: Path) -> None:
    with Gateway(tmp_path / "data") as gateway:
        administrator(gateway).post("import", {"document": DOCUMENT, "dryRun": True})
        [reader] = psutil.Process(gateway._process.pid).children()

    reader.wait(30)


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
