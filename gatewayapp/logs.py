"""Log lines: one for each event, as text or as JSON, without secrets and without characters that forge other lines."""

import json
import logging
from collections.abc import Iterable
from datetime import UTC, datetime

from gatewayapp.core.masking import Mask

MAX_FIELD_LENGTH = 2048
"""Characters of a message; of a traceback, whose last lines say most, those at its end."""


class TextFormatter(logging.Formatter):
    """`2026-11-22 07:46:59,123 INFO logger: message`, with a traceback beneath it; `names` as of `NOPAL_MASK`."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        super().__init__("{asctime} {levelname} {name}: {message}", style="{")
        self._mask = Mask(names)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        record.message = _printable(_bounded(self._mask.text(record.message)))
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:  # noqa: N802 (logging's name)
        lines = self._mask.text(super().formatException(ei)).splitlines()  # type: ignore[arg-type]
        return "\n".join(map(_printable, lines))


class JsonFormatter(logging.Formatter):
    """A JSON object on a line: `time` (ISO 8601, UTC), `level`, `logger`, `message`; after a failure, `exception`."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        super().__init__()
        self._mask = Mask(names)

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _bounded(self._mask.text(record.getMessage())),
        }
        if record.exc_info:
            line["exception"] = self._mask.text(self.formatException(record.exc_info))[-MAX_FIELD_LENGTH:]
        return json.dumps(line)  # in ASCII, so that control and bidirectional characters are escaped


def _bounded(text: str) -> str:
    return text if len(text) <= MAX_FIELD_LENGTH else f"{text[: MAX_FIELD_LENGTH - 1]}…"


def _printable(text: str) -> str:
    """The text with control, format and bidirectional characters as escapes."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
