"""The rows of connections in the database: the kinds of changes, writing them, and finding rows of earlier runs.

All functions are synchronous; call them in a `DatabaseThread`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import DataError, IntegrityError, connection, transaction

from gatewayapp.core.ids import Owner
from gatewayapp.core.messages import ConnectionInfo, Disconnect
from gatewayapp.core.networks import address_key
from gatewayapp.models import Connection, Installation, Node

ADD, CLOSE, REMOVE = "add", "close", "remove"

_INCARNATIONS = 1 << 12
_LOST_CODE = 1006
_REFUSALS = (DataError, IntegrityError, ValueError)
"""Errors for a row that the database will never accept; any other error means that it is unavailable."""


class Change(NamedTuple):
    """One change of a connection's row; `values` are columns as JSON can hold them: all to add, the end's to close.

    The changes of a connection come in the order add, close, remove. Each may be written repeatedly.
    """

    kind: str
    connection_id: str
    values: dict[str, Any]


class ClosedRow(NamedTuple):
    """A connection whose `$disconnect` is not delivered yet; `request_id` may be empty."""

    info: ConnectionInfo
    owner: Owner
    closed_at: int
    code: int
    reason: str
    request_id: str


def addition(owner: Owner, info: ConnectionInfo) -> Change:
    """The row of a new connection."""
    return Change(ADD, info.connection_id, _columns(owner, info))


def closing(connection_id: str, disconnect: Disconnect) -> Change:
    """The connection has ended; what its `$disconnect` says."""
    values = {
        "closed_at": disconnect.time,
        "close_code": disconnect.status_code,
        "close_reason": disconnect.reason,
        "disconnect_request_id": disconnect.request_id,
    }
    return Change(CLOSE, connection_id, values)


def removal(connection_id: str) -> Change:
    """The connection's `$disconnect` was delivered, or given up."""
    return Change(REMOVE, connection_id, {})


def row_of(owner: Owner, info: ConnectionInfo) -> Connection:
    """The row of one of the owner's connections, not saved."""
    return Connection(**_columns(owner, info))


def write_changes(changes: Sequence[Change]) -> dict[str, Exception]:
    """Commit the changes in one transaction.

    Returns the errors, by connection, of changes that the database will never take, such as a text that is too long;
    the others are committed. Raises django.db.Error if the database is unavailable.
    """
    try:
        _write_together(changes)
    except _REFUSALS:
        return _write_one_by_one(changes)
    return {}


def claim_node(slot: int) -> Owner:
    """Start a new incarnation of a node; ids made from here on differ from those of its earlier runs."""
    with transaction.atomic():
        node, created = Node.objects.select_for_update().get_or_create(slot=slot, defaults={"incarnation": 0})
        if not created:
            node.incarnation = (node.incarnation + 1) % _INCARNATIONS
            node.save()
    return Owner(node.slot, node.incarnation)


def close_abandoned(owner: Owner, time_ms: int) -> None:
    """Close the rows of connections that were open when an earlier run of this node was killed.

    In a copied database, not those of the original until a user has decided about them.
    """
    others = [owner.incarnation, *Installation.held()]
    rows = Connection.open.filter(node_slot=owner.slot).exclude(node_incarnation__in=others)
    rows.update(closed_at=time_ms, close_code=_LOST_CODE)


def closed_rows(slot: int, after: str, limit: int) -> list[ClosedRow]:
    """Connections of a node that have ended, of this run and earlier ones, by id; those behind the id `after`."""
    rows = Connection.objects.filter(node_slot=slot, closed_at__isnull=False, connection_id__gt=after)
    rows = rows.exclude(node_incarnation__in=Installation.held())
    return [_closed_row(row) for row in rows.order_by("connection_id")[:limit]]


def _columns(owner: Owner, info: ConnectionInfo) -> dict[str, Any]:
    return {
        "connection_id": info.connection_id,
        "api_id": info.api_id,
        "stage": info.stage,
        "node_slot": owner.slot,
        "node_incarnation": owner.incarnation,
        "connected_at": info.connected_at,
        "domain_name": info.domain_name,
        "source_ip": info.source_ip,
        "source_ip_key": address_key(info.source_ip),
        "user_agent": info.user_agent,
        "forwarded_proto": info.forwarded_proto,
        "forwarded_port": info.forwarded_port,
        "authorizer": None if info.authorizer is None else dict(info.authorizer),
    }


def _write_together(changes: Sequence[Change]) -> None:
    removed = [change.connection_id for change in changes if change.kind == REMOVE]
    needless = frozenset(removed)
    rest = [change for change in changes if change.connection_id not in needless]
    added = [Connection(**change.values) for change in rest if change.kind == ADD]
    closed = [_close_parameters(change) for change in rest if change.kind == CLOSE]
    with transaction.atomic():
        if added:
            # A batch that took too long is written again from the journal although it was committed after all.
            Connection.objects.bulk_create(added, ignore_conflicts=True)
        if closed:
            with connection.cursor() as cursor:
                cursor.executemany(_CLOSE_ROW, closed)
        if removed:
            Connection.objects.filter(connection_id__in=removed).delete()


def _write_one_by_one(changes: Sequence[Change]) -> dict[str, Exception]:
    rejected: dict[str, Exception] = {}
    for change in changes:
        try:
            _write_together([change])
        except _REFUSALS as error:
            rejected[change.connection_id] = error
    return rejected


# Not `bulk_update`, which takes ten times as long to compose; the first end of a connection is the one that counts.
_CLOSE_ROW = (
    f"UPDATE {Connection._meta.db_table} SET closed_at = %s, close_code = %s, close_reason = %s, "  # noqa: S608
    "disconnect_request_id = %s WHERE connection_id = %s AND closed_at IS NULL"
)


def _close_parameters(change: Change) -> tuple[Any, ...]:
    values = change.values
    reason = values["close_reason"].encode()
    return values["closed_at"], values["close_code"], reason, values["disconnect_request_id"], change.connection_id


def _closed_row(row: Connection) -> ClosedRow:
    info = ConnectionInfo(
        connection_id=row.connection_id,
        api_id=row.api_id,
        stage=row.stage,
        domain_name=row.domain_name,
        connected_at=row.connected_at,
        source_ip=row.source_ip,
        user_agent=row.user_agent,
        forwarded_proto=row.forwarded_proto,
        forwarded_port=row.forwarded_port,
        authorizer=row.authorizer,
    )
    return ClosedRow(
        info,
        Owner(row.node_slot, row.node_incarnation),
        row.closed_at or 0,
        row.close_code or _LOST_CODE,
        bytes(row.close_reason).decode(errors="replace"),
        row.disconnect_request_id,
    )
