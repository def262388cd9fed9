"""The frames of one connection, one after the other, as its page shows them."""

from typing import Any

from dashboard.connections.rows import tone_of
from dashboard.texts import spelled, spelled_lines
from gatewayapp.core.traces import CLOSE, Content, Trace

MOST = 200
"""Frames that a page shows: the latest ones."""

_USUAL_CODES = ("1000", "1001", "1005")
_SOURCES = {
    "backend": "a backend, by @connections",
    "operator": "someone on this server",
    "replay": "done again",
    "test": "a test",
}


def entry_of(trace: Trace) -> dict[str, Any]:
    """One event as the page's script takes it; `at` in epoch milliseconds, `took` in milliseconds."""
    return {
        "id": trace.trace_id,
        "kind": trace.kind,
        "in": trace.inbound,
        "at": trace.started_at,
        "took": round(trace.duration, 1) if trace.inbound else None,
        "route": spelled(trace.route_key or ""),
        "by": _SOURCES.get(trace.source, ""),
        "integration": trace.integration_type or "",
        "status": spelled(trace.status or ""),
        "tone": _tone(trace),
        "error": spelled(trace.error or ""),
        "delivery": trace.delivery or "",
        "received": _shown(trace.received),
        "sent": _shown(trace.sent),
    }


def _tone(trace: Trace) -> str:
    if trace.fault:
        return "bad"
    if trace.kind == CLOSE:
        return "quiet" if trace.status in _USUAL_CODES else "wait"
    return tone_of(trace.status)


def _shown(content: Content | None) -> dict[str, Any] | None:
    if content is None:
        return None
    return {
        "text": spelled_lines(content.text),
        "size": content.size,
        "cut": content.truncated,
        "binary": content.binary,
    }
