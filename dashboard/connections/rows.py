"""What the list shows of each connection: its columns, and the cells that change while one looks on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.connections.filters import Query, only_agent
from dashboard.templatetags.nopal import size
from dashboard.texts import cut, spelled
from gatewayapp.core.roles import Access, Permission
from gatewayapp.live import LiveState
from gatewayapp.models import Connection

_LONGEST = 120
"""Characters of a cell; the connection's own page has all of them."""

COLUMNS: Mapping[str, str] = {
    "api": "API",
    "stage": "Stage",
    "principal": "Principal",
    "ip": "Source IP",
    "agent": "User agent",
    "age": "Age",
    "left": "Ends in",
    "idle": "Idle",
    "messages": "In / out",
    "route": "Last route",
    "status": "Status",
    "errors": "Errors",
    "backlog": "Backlog",
    "node": "Node",
}
"""Names and titles of those that one can choose; the id is always there."""

NUMBERS = frozenset({"age", "left", "idle", "messages", "errors", "backlog"})

DEFAULT_COLUMNS = [name for name in COLUMNS if name != "node"]


@dataclass(frozen=True, slots=True)
class Row:
    """One connection in the list."""

    connection_id: str
    api_id: str
    api_name: str
    stage: str
    principal: str
    source_ip: str
    user_agent: str
    connected_at: int
    node: str
    writable: bool
    """Whether one may send to it and close it."""
    ended: bool
    cells: dict[str, Any]
    only: dict[str, str]
    """By column, the list of those that are like this one."""


def row_of(
    connection: Connection, state: LiveState | None, api_names: Mapping[str, str], query: Query, access: Access
) -> Row:
    principal = principal_of(connection)
    agent = connection.user_agent or ""
    return Row(
        connection_id=connection.connection_id,
        api_id=connection.api_id,
        api_name=api_names.get(connection.api_id, connection.api_id),
        stage=connection.stage,
        principal=cut(spelled(principal), _LONGEST),
        source_ip=connection.source_ip,
        user_agent=cut(spelled(agent), _LONGEST),
        connected_at=connection.connected_at,
        node=node_of(connection),
        writable=access.may(Permission.WRITE_CONNECTIONS, connection.api_id),
        ended=state is None,
        cells=cells_of(state) if state is not None else {},
        only={
            "api": query.url(api=connection.api_id),
            "stage": query.url(api=connection.api_id, stage=connection.stage),
            "principal": query.url(principal=principal),
            "ip": query.url(ip=connection.source_ip),
            "agent": query.url(agent=only_agent(agent)),
            "errors": query.url(errors="on"),
            "slow": query.url(slow="on"),
        },
    )


def cells_of(state: LiveState) -> dict[str, Any]:
    """What changes of a connection; times in epoch milliseconds, all else as it is shown."""
    return {
        "left": state.ends_at,
        "idle": state.idle_since,
        "in": state.messages_in,
        "out": state.messages_out,
        "route": cut(spelled(state.last_route or ""), _LONGEST),
        "status": spelled(state.last_status or ""),
        "tone": tone_of(state.last_status),
        "errors": state.errors,
        "backlog": size(state.waiting) if state.waiting else "",
        "slow": state.slow,
    }


def tone_of(status: str | None) -> str:
    """How a status looks: what an integration answered, or an error's name."""
    if status is None:
        return "quiet"
    if not status.isdigit():
        return "bad"
    return {"2": "good", "3": "info", "4": "wait"}.get(status[0], "bad")


def principal_of(connection: Connection) -> str:
    return str((connection.authorizer or {}).get("principalId") or "")


def node_of(connection: Connection) -> str:
    """The process that holds it: its slot, and which of its starts."""
    return f"{connection.node_slot}.{connection.node_incarnation}"
