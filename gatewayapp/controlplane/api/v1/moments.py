"""Moments on the wire: RFC 3339, in UTC, with milliseconds."""

from datetime import UTC, datetime


def moment(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
