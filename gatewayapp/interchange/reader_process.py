"""Reads documents in a separate process, which can be killed and whose memory is limited.

The readers count their own work and stop at a limit (`limits`), but they also run third-party code: the parsers and
the SAM translator. The separate process protects the gateway's clients from that. It shares no interpreter lock with
the event loop: reading JSON of 480 KB with many lists in a thread delays the loop by 470 ms; in this process the delay
is not measurable. The process has a lower priority and is killed when it takes too long. It starts with the first
document, stays for further ones, and ends after a minute without any.
"""

import atexit
import gc
import logging
import os
import resource
import subprocess
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from threading import Lock
from typing import Any

from django.utils.module_loading import import_string

from gatewayapp.controlplane.operations.errors import TooMany
from gatewayapp.interchange.limits import READING_MEMORY, READING_NICENESS, READING_SECONDS, LimitExceeded, exceed
from gatewayapp.interchange.problems import Rejected

logger = logging.getLogger(__name__)

_START_SECONDS = 60.0
"""How long the process may take to start, on a machine that is busy."""
_QUEUE_SECONDS = 30.0
"""How long a document waits for those that came before."""
_IDLE_SECONDS = 60.0

_COMMAND = """
import sys, django
django.setup()
from gatewayapp.interchange.reader_process import serve
serve(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
"""


class ReaderProcess:
    """A process that calls `function` (a dotted path), one call at a time.

    It is started when it is needed. A call may take `seconds`, and `memory` bytes.
    """

    def __init__(self, function: str, seconds: float = READING_SECONDS, memory: int = READING_MEMORY) -> None:
        self._function = function
        self._seconds = seconds
        self._memory = memory
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        atexit.register(self.stop)

    @property
    def pid(self) -> int | None:
        """The process's id, if it runs now."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def call(self, *arguments: Any) -> Any:
        """What the function returns.

        Raises the Rejected that it raises, LimitExceeded for too much work, and TooMany where others wait already.
        """
        if not self._lock.acquire(timeout=_QUEUE_SECONDS):
            raise TooMany("Other documents are still being read. Try again in a minute.")
        try:
            outcome = self._outcome(arguments)
        finally:
            self._lock.release()
        if isinstance(outcome, Rejected):
            raise outcome
        if isinstance(outcome, _Failure):
            raise RuntimeError(f"Reading a document failed:\n{outcome.description}")
        return outcome

    def stop(self) -> None:
        """End the process; the next call starts another one."""
        process, connection = self._process, self._connection
        self._process = self._connection = None
        if connection is not None:
            connection.close()
        if process is not None:
            process.kill()
            process.wait()

    def _outcome(self, arguments: tuple[Any, ...]) -> Any:
        for _ in range(2):
            connection = self._connection if self.pid is not None else None
            connection = connection or self._start()
            with suppress(OSError, EOFError):
                connection.send(arguments)
                if connection.poll(self._seconds):
                    return connection.recv()
                logger.warning(
                    "A document was not read within %g seconds, so the reader process was stopped.", self._seconds
                )
                self.stop()
                return _too_slow(self._seconds)
            # It has ended: by itself, since it was idle just before, or because of the document.
            assert self._process is not None
            if self._process.wait() != 0:
                logger.warning("The reader process ended while it was reading a document.")
                break
        self.stop()
        return _too_large(self._memory)

    def _start(self) -> Connection:
        self.stop()
        ours, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and code)
                [sys.executable, "-c", _COMMAND, str(theirs.fileno()), self._function, str(self._memory)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for the gateway, which then ends this one
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
        self._connection = ours
        with suppress(OSError, EOFError):
            if ours.poll(_START_SECONDS):
                ours.recv()
                return ours
        self.stop()
        raise RuntimeError("The process that reads documents did not start. Its output on standard error says why.")


@dataclass(frozen=True, slots=True)
class _Failure:
    """An error in the program, not in the document."""

    description: str


def serve(descriptor: int, function: str, memory: int) -> None:
    """Run in the process: call the function for each message on the connection, until there are no more."""
    call = import_string(function)
    os.nice(READING_NICENESS)
    _limit_memory(memory)
    gc.disable()  # else large documents, which hold no cycles, take more than their share of time
    with Connection(descriptor) as connection, suppress(EOFError):
        connection.send("ready")
        while connection.poll(_IDLE_SECONDS):
            connection.send(_outcome(call, connection.recv(), memory))
            gc.collect()


def _outcome(call: Any, arguments: tuple[Any, ...], memory: int) -> Any:
    try:
        return call(*arguments)
    except Rejected as rejection:
        return rejection
    except MemoryError:
        return _too_large(memory)
    except Exception:
        return _Failure(traceback.format_exc(limit=20))


def _too_slow(seconds: float) -> LimitExceeded:
    return exceed(
        "",
        f"The document takes more than {seconds:g} seconds to read. Leave out what no WebSocket API needs, or split "
        "it, one API per document.",
    )


def _too_large(memory: int) -> LimitExceeded:
    return exceed(
        "",
        f"The document takes more than {memory // 2**20} MiB of memory to read. Leave out what no WebSocket API needs, "
        "or split it, one API per document.",
    )


def _limit_memory(memory: int) -> None:
    """Limit this process to `memory` more bytes than it has now, on systems that count them."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return  # not Linux
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
