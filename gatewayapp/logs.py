"""Log formatters and filters: no tracebacks for bad requests, a rate limit for each client, one line for each event.

Clients choose how often a request fails and what it contains, so neither may decide how much is logged or what the log
looks like.
"""

import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from gatewayapp.core.masking import Mask

WINDOW_SECONDS = 60.0
ALL_CLIENTS = 20
"""All clients together may cause this many times the lines of one client, for each kind of line."""
MAX_LINE = 2048
"""Characters of a line without its traceback."""

_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))} | {
    code: f"\\u{code:04x}"  # line separators, and what changes the direction of writing
    for code in (0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}


class OneLineFormatter(logging.Formatter):
    """Escapes control characters and cuts long lines: no client's text imitates other lines or fills the log.

    Secrets are left out, those under `names` (NOPAL_MASK) too, also from the traceback beneath the line.
    """

    def __init__(
        self, fmt: str | None = None, *, style: Literal["%", "{", "$"] = "{", names: Iterable[str] = ()
    ) -> None:
        super().__init__(fmt, style=style)
        self._mask = Mask(names)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name in `logging`
        record.message = self._mask.text(record.message)
        return _cut(super().formatMessage(record).translate(_ESCAPES))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name in `logging`
        lines = self._mask.text(super().formatException(ei)).splitlines()
        return "\n".join(line.translate(_ESCAPES) for line in lines)


class JsonFormatter(logging.Formatter):
    """A JSON object on a line: `time` (ISO 8601, UTC), `level`, `logger`, `message`; after a failure, `exception`.

    Of a traceback the end is kept, which says most. Secrets are left out as `OneLineFormatter` does it.
    """

    def __init__(self, *, names: Iterable[str] = ()) -> None:
        super().__init__()
        self._mask = Mask(names)

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _cut(self._mask.text(record.getMessage())),
        }
        if record.exc_info:
            line["exception"] = self._mask.text(self.formatException(record.exc_info))[-MAX_LINE:]
        return json.dumps(line)  # in ASCII, so that control characters and changes of direction are escaped


def _cut(line: str) -> str:
    return line if len(line) <= MAX_LINE else line[: MAX_LINE - 1] + "…"


class BadRequestFilter(logging.Filter):
    """Removes the traceback from Django's lines about requests that it refuses (4xx), caused by the client."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "status_code", 500) < 500:
            record.exc_info = record.exc_text = None
        return True


@dataclass(frozen=True, slots=True)
class _Kind:
    """Lines from one place in the code, at one level."""

    logger: str
    level: int
    path: str
    line: int


@dataclass(slots=True)
class _Window:
    """The lines of one kind since `started` (seconds). It counts no more clients than it lets lines through."""

    started: float
    passed: Counter[str] = field(default_factory=Counter)
    suppressed: Counter[str] = field(default_factory=Counter)

    def take(self, client: str, limit: int) -> bool:
        """Count a line. Returns whether it may pass."""
        if self.passed.total() >= limit * ALL_CLIENTS:
            self.suppressed[client if client in self.passed else ""] += 1
        elif client and self.passed[client] >= limit:
            self.suppressed[client] += 1
        else:
            self.passed[client] += 1
            return True
        return False


class RateLimitFilter(logging.Filter):
    """Lets `limit` lines of each kind through per client and minute, and 20 times as many from all clients together.

    The client is the record's `client` (`extra={"client": address}`) or the address of its Django request; lines
    without one count for all clients only. A line a minute says how many were left out. Lines below INFO always pass,
    and with a limit of 0 all do.
    """

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[_Kind, _Window] = {}
        self._timer: threading.Timer | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        if not self._limit or record.levelno < logging.INFO or hasattr(record, "suppressed"):
            return True
        kind = _Kind(record.name, record.levelno, record.pathname, record.lineno)
        with self._lock:
            now = self._clock()
            ended = self._end_windows(now)
            passes = self._windows.setdefault(kind, _Window(now)).take(_client_of(record), self._limit)
            if not passes and self._timer is None:
                self._start_timer()
        _report(ended)
        return passes

    def flush(self) -> None:
        """Report what was left out of windows that have ended."""
        with self._lock:
            ended = self._end_windows(self._clock())
            self._timer = None
            if any(window.suppressed for window in self._windows.values()):
                self._start_timer()
        _report(ended)

    def _end_windows(self, now: float) -> list[tuple[_Kind, _Window]]:
        ended = [(kind, each) for kind, each in self._windows.items() if now - each.started >= WINDOW_SECONDS]
        for kind, _ in ended:
            del self._windows[kind]
        return ended

    def _start_timer(self) -> None:
        """Make sure that the report is logged even if nothing else is."""
        self._timer = threading.Timer(WINDOW_SECONDS, self.flush)
        self._timer.daemon = True
        self._timer.start()


def _report(ended: list[tuple[_Kind, _Window]]) -> None:
    for kind, window in ended:
        if not window.suppressed:
            continue
        [(client, most)] = window.suppressed.most_common(1)
        logging.getLogger(kind.logger).log(
            kind.level,
            "%d more lines of this kind were left out within a minute, %d of them from %s",
            window.suppressed.total(),
            most,
            client or "various clients",
            extra={"suppressed": window.suppressed.total()},
        )


def _client_of(record: logging.LogRecord) -> str:
    """The address that the line is about, or ""."""
    client = getattr(record, "client", None)
    if client is None:
        client = getattr(getattr(record, "request", None), "META", {}).get("REMOTE_ADDR", "")
    return str(client)
