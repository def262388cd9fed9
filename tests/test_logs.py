"""Log lines: one for each event, bounded, without secrets, whatever a client put into them."""

import json
import logging
import sys

import pytest

from gatewayapp.logs import MAX_FIELD_LENGTH, JsonFormatter, TextFormatter

FORGED = "a\r\nb\x1b[31m\x00\u2028\u202e\u2066\x85c"


def record(message: str, *arguments: object, exception: Exception | None = None) -> logging.LogRecord:
    info = (type(exception), exception, None) if exception else None
    return logging.LogRecord("gatewayapp.test", logging.INFO, __file__, 1, message, arguments, info)


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_a_message_is_one_line_whatever_it_holds(formatter):
    line = formatter.format(record("host %s", FORGED))
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    assert "\\x1b[31m" in line or "\\u001b[31m" in line


@pytest.mark.parametrize("formatter", [TextFormatter(["X-Partner"]), JsonFormatter(["X-Partner"])])
def test_secrets_are_left_out(formatter):
    text = "Authorization: Bearer swordfish1, http://me:swordfish2@a.example/?token=swordfish3, X-Partner=swordfish4"
    line = formatter.format(record("%s", text, exception=ValueError(text)))
    assert "swordfish" not in line
    assert "********" in line


def test_a_json_line_is_an_object():
    try:
        raise ValueError("broken")
    except ValueError:
        found = record("%s failed", "it")
        found.exc_info = sys.exc_info()
    line = json.loads(JsonFormatter().format(found))
    assert line.keys() == {"time", "level", "logger", "message", "exception"}
    assert (line["level"], line["logger"], line["message"]) == ("INFO", "gatewayapp.test", "it failed")
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("ValueError: broken")


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_fields_are_bounded(formatter):
    line = formatter.format(record("x" * 100_000))
    assert MAX_FIELD_LENGTH <= len(line) < MAX_FIELD_LENGTH + 200
    failed = json.loads(JsonFormatter().format(record("", exception=ValueError("y" * 100_000))))
    assert len(failed["exception"]) == MAX_FIELD_LENGTH


def test_a_traceback_stays_readable_in_text():
    lines = TextFormatter().format(record("failed", exception=ValueError("a\x1bb"))).splitlines()
    assert lines[0].endswith("INFO gatewayapp.test: failed")
    assert lines[-1] == "ValueError: a\\x1bb"
