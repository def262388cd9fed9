"""What a connection's own page shows: how far it is from its limits, and what `@connections` would answer."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dashboard.connections.rows import cells_of
from dashboard.templatetags.nopal import size
from dashboard.texts import spelled
from gatewayapp.live import LiveState
from gatewayapp.models import Connection


@dataclass(frozen=True, slots=True)
class Meter:
    """How much of a limit is used; of those of time `since` and `until` tell, in epoch milliseconds."""

    name: str
    label: str
    value: float
    most: float
    text: str
    since: int | None = None
    until: int | None = None

    @property
    def high(self) -> float:
        """From here on it looks as if it soon were too much."""
        return self.most * 0.8


def meters_of(state: LiveState, connected_at: int) -> list[Meter]:
    meters = []
    if state.ends_at is not None:
        meters.append(_time_meter("left", "Lifetime", connected_at, state.ends_at))
    if state.idle_deadline is not None:
        meters.append(_time_meter("idle", "Idle", state.idle_since, state.idle_deadline))
    return meters + _meters_of_amounts(state)


def _meters_of_amounts(state: LiveState) -> list[Meter]:
    limits = state.limits
    buffer = f"{size(state.waiting)} of {size(limits.send_buffer)}"
    flight = f"{state.in_flight} of {limits.max_in_flight}"
    return [
        Meter("waiting", "Send buffer", state.waiting, limits.send_buffer, buffer),
        Meter("flight", "In flight", state.in_flight, limits.max_in_flight, flight),
    ]


def live_facts(state: LiveState, connection: Connection) -> dict[str, Any]:
    """What changes on the page, by the names of its places; times in epoch milliseconds."""
    return {
        **cells_of(state),
        "idle-until": state.idle_deadline,
        "bytes-in": size(state.bytes_in),
        "bytes-out": size(state.bytes_out),
        "active": state.last_active_at,
        "error": spelled(state.last_error or ""),
        "answer": get_connection_answer(connection, state),
        "meters": {meter.name: [meter.value, meter.most, meter.text] for meter in _meters_of_amounts(state)},
    }


def get_connection_answer(connection: Connection, state: LiveState) -> str:
    """What `GET @connections/{id}` answers, as AWS spells it."""
    answer = {
        "connectedAt": _iso(connection.connected_at),
        "identity": {"sourceIp": connection.source_ip, "userAgent": connection.user_agent},
        "lastActiveAt": _iso(state.last_active_at),
    }
    return json.dumps(answer, indent=2)


def _time_meter(name: str, label: str, since: int, until: int) -> Meter:
    return Meter(name, label, 0, max(1, until - since), "", since, until)


def _iso(time_ms: int) -> str:
    moment = datetime.fromtimestamp(time_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03}Z"
