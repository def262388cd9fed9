"""How much clients can make the gateway log, and what they can make it look like."""

import json
import logging
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from gatewayapp.logs import (
    ALL_CLIENTS,
    MAX_LINE,
    WINDOW_SECONDS,
    BadRequestFilter,
    JsonFormatter,
    OneLineFormatter,
    RateLimitFilter,
)

LIMIT = 3


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Log:
    """A logger with the filter of the test, and what it lets through."""

    def __init__(self, limit: int) -> None:
        self.clock = Clock()
        self.filter = RateLimitFilter(limit, self.clock)
        self.lines: list[str] = []
        self.handler = logging.Handler()
        self.handler.emit = lambda record: self.lines.append(record.getMessage())  # type: ignore[method-assign]
        self.handler.addFilter(self.filter)
        self.logger = logging.getLogger("tests.logs")

    def refuse(self, client: str, times: int = 1) -> None:
        for _ in range(times):
            self.logger.warning("Refused %s", client, extra={"client": client})


@pytest.fixture
def log() -> Iterator[Log]:
    yield from _log(LIMIT)


@pytest.fixture
def unlimited() -> Iterator[Log]:
    yield from _log(0)


def _log(limit: int) -> Iterator[Log]:
    log = Log(limit)
    log.logger.setLevel(logging.DEBUG)
    log.logger.addHandler(log.handler)
    log.logger.propagate = False
    yield log
    log.logger.removeHandler(log.handler)
    log.logger.propagate = True
    if log.filter._timer is not None:
        log.filter._timer.cancel()


def test_one_client_has_its_share_and_no_more(log: Log) -> None:
    log.refuse("192.0.2.1", 100)
    log.refuse("192.0.2.2", 2)

    assert log.lines == ["Refused 192.0.2.1"] * LIMIT + ["Refused 192.0.2.2"] * 2


def test_other_kinds_of_lines_have_their_own_share(log: Log) -> None:
    log.refuse("192.0.2.1", 100)
    log.logger.error("Another place", extra={"client": "192.0.2.1"})

    assert log.lines[-1] == "Another place"


def test_a_line_says_how_many_were_left_out(log: Log) -> None:
    log.refuse("192.0.2.1", LIMIT + 5)
    log.refuse("192.0.2.2", LIMIT + 2)
    log.clock.now = WINDOW_SECONDS
    log.refuse("192.0.2.1")

    report = "7 more lines of this kind were left out within a minute, 5 of them from 192.0.2.1"
    assert log.lines[2 * LIMIT :] == [report, "Refused 192.0.2.1"]


def test_the_report_comes_also_when_all_is_quiet(log: Log) -> None:
    log.refuse("192.0.2.1", LIMIT + 5)
    assert log.filter._timer is not None
    assert log.filter._timer.interval == WINDOW_SECONDS
    log.filter.flush()
    assert len(log.lines) == LIMIT
    log.clock.now = WINDOW_SECONDS
    log.filter._timer.cancel()
    log.filter.flush()

    assert "5 more lines" in log.lines[-1]
    assert log.filter._timer is None


def test_many_clients_together_are_limited_too_and_take_no_memory(log: Log) -> None:
    for number in range(5000):
        log.refuse(f"2001:db8::{number:x}")

    assert len(log.lines) == LIMIT * ALL_CLIENTS
    [window] = log.filter._windows.values()
    assert len(window.passed) + len(window.suppressed) <= LIMIT * ALL_CLIENTS + 1
    log.clock.now = WINDOW_SECONDS
    log.refuse("192.0.2.1")
    assert log.lines[-2].endswith(f"{5000 - LIMIT * ALL_CLIENTS} of them from various clients")


def test_one_client_does_not_use_up_the_lines_of_others(log: Log) -> None:
    log.refuse("192.0.2.1", 10_000)
    log.refuse("192.0.2.2")

    assert log.lines[-1] == "Refused 192.0.2.2"


def test_django_s_lines_are_counted_for_the_address_of_the_request(log: Log) -> None:
    for number in (1, 2):
        request = SimpleNamespace(META={"REMOTE_ADDR": f"192.0.2.{number}"})
        for _ in range(100):
            log.logger.warning("Not Found: %s", number, extra={"request": request})

    assert log.lines == ["Not Found: 1"] * LIMIT + ["Not Found: 2"] * LIMIT


def test_debugging_is_not_limited(log: Log) -> None:
    for _ in range(1000):
        log.logger.debug("Step")
    assert len(log.lines) == 1000


def test_no_limit_is_a_setting(unlimited: Log) -> None:
    unlimited.refuse("192.0.2.1", 1000)
    assert len(unlimited.lines) == 1000


def record(message: str, *arguments: Any, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("tests", logging.ERROR, __file__, 1, message, arguments, None)
    made.__dict__.update(extra)
    return made


def test_a_message_is_one_line_whatever_a_client_wrote() -> None:
    line = OneLineFormatter().format(record("Refused %s", "a\r\nb\x1b[31m\x85\u2028\u202e\tc"))

    assert line == "Refused a\\x0d\\x0ab\\x1b[31m\\x85\\u2028\\u202e\\x09c"


def test_a_long_message_is_cut() -> None:
    line = OneLineFormatter().format(record("x" * 100_000))

    assert (len(line), line[-1]) == (MAX_LINE, "…")


def failure() -> Any:
    error = ValueError("bad")
    return (ValueError, error, None)


@pytest.mark.parametrize(
    ("extra", "has_traceback"), [({"status_code": 400}, False), ({"status_code": 500}, True), ({}, True)]
)
def test_only_what_is_our_fault_has_a_traceback(extra: dict[str, int], has_traceback: bool) -> None:
    made = record("Bad request", exc_info=failure(), **extra)

    assert BadRequestFilter().filter(made)
    assert ("ValueError" in OneLineFormatter().format(made)) is has_traceback


TEXT = "{asctime} {levelname} {name}: {message}"
FORGED = "a\r\nb\x1b[31m\x00\u2028\u202e\u2066\x85c"


def failure_record(message: str, *arguments: object, exception: Exception | None = None) -> logging.LogRecord:
    info = (type(exception), exception, None) if exception else None
    return logging.LogRecord("gatewayapp.test", logging.INFO, __file__, 1, message, arguments, info)


@pytest.mark.parametrize("formatter", [OneLineFormatter(TEXT), JsonFormatter()])
def test_a_message_is_one_line_whatever_it_holds(formatter):
    line = formatter.format(failure_record("host %s", FORGED))
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    assert "\\x1b[31m" in line or "\\u001b[31m" in line


@pytest.mark.parametrize("formatter", [OneLineFormatter(TEXT, names=["X-Partner"]), JsonFormatter(names=["X-Partner"])])
def test_secrets_are_left_out(formatter):
    text = "Authorization: Bearer swordfish1, http://me:swordfish2@a.example/?token=swordfish3, X-Partner=swordfish4"
    line = formatter.format(failure_record("%s", text, exception=ValueError(text)))
    assert "swordfish" not in line
    assert "********" in line


def test_a_json_line_is_an_object():
    try:
        raise ValueError("broken")
    except ValueError:
        found = failure_record("%s failed", "it")
        found.exc_info = sys.exc_info()
    line = json.loads(JsonFormatter().format(found))
    assert line.keys() == {"time", "level", "logger", "message", "exception"}
    assert (line["level"], line["logger"], line["message"]) == ("INFO", "gatewayapp.test", "it failed")
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("ValueError: broken")


@pytest.mark.parametrize("formatter", [OneLineFormatter(TEXT), JsonFormatter()])
def test_fields_are_bounded(formatter):
    line = formatter.format(failure_record("x" * 100_000))
    assert MAX_LINE <= len(line) < MAX_LINE + 200
    failed = json.loads(JsonFormatter().format(failure_record("", exception=ValueError("y" * 100_000))))
    assert len(failed["exception"]) == MAX_LINE


def test_a_traceback_stays_readable_in_text():
    lines = OneLineFormatter(TEXT).format(failure_record("failed", exception=ValueError("a\x1bb"))).splitlines()
    assert lines[0].endswith("INFO gatewayapp.test: failed")
    assert lines[-1] == "ValueError: a\\x1bb"
