"""The process that reads documents: what happens when one takes too long or too much, or ends it."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from gatewayapp.interchange import Rejected
from gatewayapp.interchange.limits import LimitExceeded
from gatewayapp.interchange.reader_process import ReaderProcess

Start = Callable[..., ReaderProcess]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[ReaderProcess] = []

    def start(**limits: float) -> ReaderProcess:
        started.append(ReaderProcess("tests.interchange.readers.call", **limits))
        return started[-1]

    yield start
    for process in started:
        process.stop()


def test_one_process_reads_one_document_after_another(start):
    process = start()

    assert [process.call("echo", text) for text in "abc"] == ["a", "b", "c"]
    pid = process.pid
    assert pid not in (None, os.getpid())
    with pytest.raises(Rejected) as rejected:
        process.call("refuse", "no")
    assert str(rejected.value) == "there: no"
    assert process.pid == pid


def test_a_document_that_takes_too_long_ends_the_process(start):
    process = start(seconds=0.5)
    process.call("echo", "started")
    pid = process.pid

    with pytest.raises(LimitExceeded) as exceeded:
        process.call("hang")

    assert str(exceeded.value) == (
        "The document takes more than 0.5 seconds to read. Leave out what no WebSocket API needs, or split it, one API "
        "per document."
    )
    assert process.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert process.call("echo", "again") == "again"


def test_a_document_that_takes_too_much_memory_is_rejected(start):
    process = start(memory=64 * 2**20)
    assert process.call("take", 16 * 2**20) == 16 * 2**20

    with pytest.raises(LimitExceeded, match="takes more than 64 MiB of memory to read"):
        process.call("take", 128 * 2**20)

    assert process.call("echo", "again") == "again"


def test_a_document_that_crashes_the_process_is_rejected(start):
    process = start()

    with pytest.raises(LimitExceeded, match="of memory to read"):
        process.call("die", 139)

    assert process.call("echo", "again") == "again"


def test_a_process_that_was_killed_is_started_again(start):
    process = start()
    process.call("echo", "started")
    os.kill(process.pid, signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    assert process.call("echo", "again") == "again"


def test_a_fault_of_the_program_is_not_the_document_s(start):
    process = start()

    with pytest.raises(RuntimeError, match="ZeroDivisionError: not the document's fault"):
        process.call("fail")


def test_a_process_ends_without_its_gateway(start):
    process = start()
    process.call("echo", "started")
    child = process._process

    process._connection.close()

    assert child.wait(30) == 0
