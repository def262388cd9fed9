"""Operations on live connections: listed from the database, served by the gateway that holds them.

Filters that only the gateway's memory can answer (idle, slow, with errors) are answered from there as a whole, and the
database is asked for the rows of the page. Sending and disconnecting change no configuration, but each call adds its
entry to the audit log; what was sent is not kept.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import time

from django.db.models import Q, QuerySet, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Length, Substr

from gatewayapp.controlplane.operations.audit_entries import add_entry
from gatewayapp.controlplane.operations.errors import BadRequest, Conflict, NotFound, Unavailable
from gatewayapp.core.networks import key_range
from gatewayapp.live import (
    ConnectionFilter,
    Delivery,
    HandshakeFacts,
    LiveConnections,
    LiveState,
    MemoryUse,
    NoGateway,
    live_connections,
)
from gatewayapp.models import Connection, Document, Installation

_YOUNGEST_FIRST = ("-connected_at", "-connection_id")
_OLDEST_FIRST = ("connected_at", "connection_id")
_STEP = 500
LONGEST_REASON = 123
"""Bytes: what a close frame has room for beside its code (RFC 6455 section 5.5)."""


@dataclass(frozen=True, slots=True)
class Target:
    """What became of a frame or a close that was meant for one connection."""

    connection_id: str
    result: Delivery


Told = Callable[[int, int], bool]
"""Is told as things go on how many targets were served, and how many there are; says whether to go on."""


@dataclass(frozen=True, slots=True)
class LivePage:
    """A page of connections, how many there are in all, and where the next page begins."""

    connections: list[tuple[Connection, LiveState | None]]
    total: int
    next_after: tuple[int, str] | None


def get_connections(
    *,
    where: ConnectionFilter,
    api_ids: frozenset[str] | None,
    after: tuple[int, str] | None,
    size: int,
    oldest_first: bool = False,
) -> LivePage:
    """A page of `size` connections of the APIs `api_ids` (None: of all), the youngest first or the oldest.

    `after` is the last one of the page before: its time of connecting and its id.
    """
    read = _page_from_memory if where.asks_memory else _page_from_database
    found, total = read(where, api_ids, after, size + 1, oldest_first)
    last = found[size - 1] if len(found) > size else None
    states = _states([row.connection_id for row in found[:size]])
    return LivePage(
        [(row, states.get(row.connection_id)) for row in found[:size]],
        total,
        (last.connected_at, last.connection_id) if last else None,
    )


def get_connection(*, connection_id: str) -> tuple[Connection, LiveState | None]:
    """The connection, and its state unless it is just ending."""
    row = Connection.open.filter(pk=connection_id).first()
    if row is None:
        raise NotFound(f"There is no connection {connection_id}.", resourceType="Connection")
    return row, _states([connection_id]).get(connection_id)


def get_handshake(*, connection_id: str) -> HandshakeFacts | None:
    """How the connection's client came in, unless it is just ending."""
    try:
        return live_connections().handshake(connection_id)
    except NoGateway:
        return None


def send_to_connection(*, connection_id: str, frame: str | bytes) -> Delivery:
    """Send a text or binary frame to a connection."""
    row, _ = get_connection(connection_id=connection_id)
    [delivery] = _gateway().deliver([connection_id], frame)
    add_entry("SendToConnection", _path(row), after={**_described(frame), "result": delivery.value})
    return delivery


def disconnect(*, connection_id: str, code: int, reason: str) -> Delivery:
    """Close a connection; its `$disconnect` route hears of both."""
    _check_close(code, reason)
    row, _ = get_connection(connection_id=connection_id)
    [delivery] = _gateway().close([connection_id], code, reason)
    add_entry("Disconnect", _path(row), after={"code": code, "reason": reason, "result": delivery.value})
    return delivery


def broadcast(
    *,
    where: ConnectionFilter,
    api_ids: frozenset[str] | None,
    frame: str | bytes,
    expected_count: int | None = None,
    told: Told | None = None,
) -> list[Target]:
    """Send a frame to all that match, until `told` stops it; the targets that it came to.

    Raises Conflict where `expected_count` is given and not what matches.
    """
    ids = _expected(where, api_ids, expected_count)
    gateway, targets = _gateway(), list[Target]()
    try:
        _serve(ids, lambda some: gateway.deliver(some, frame), targets, told)
    finally:
        summary = _summary(where, targets, len(ids))
        add_entry("Broadcast", _path_of_all(where), after={**_described(frame), **summary})
    return targets


def disconnect_all(
    *,
    where: ConnectionFilter,
    api_ids: frozenset[str] | None,
    code: int,
    reason: str,
    expected_count: int | None = None,
    told: Told | None = None,
) -> list[Target]:
    """Close all that match, in the same way."""
    _check_close(code, reason)
    ids = _expected(where, api_ids, expected_count)
    gateway, targets = _gateway(), list[Target]()
    try:
        _serve(ids, lambda some: gateway.close(some, code, reason), targets, told)
    finally:
        summary = _summary(where, targets, len(ids))
        add_entry("DisconnectAll", _path_of_all(where), after={"code": code, "reason": reason, **summary})
    return targets


def count_live() -> int:
    """How many connections the gateway of this process holds; none where there is none."""
    try:
        return live_connections().count()
    except NoGateway:
        return 0


def memory_use() -> MemoryUse | None:
    """What the gateway of this process holds for clients; None where there is none."""
    try:
        return live_connections().memory()
    except NoGateway:
        return None


def count_results(targets: Sequence[Target]) -> dict[str, int]:
    """How often each result occurs."""
    counts = Counter(target.result.value for target in targets)
    return {delivery.value: counts[delivery.value] for delivery in Delivery}


# which ones


def _page_from_database(
    where: ConnectionFilter,
    api_ids: frozenset[str] | None,
    after: tuple[int, str] | None,
    most: int,
    oldest_first: bool,
) -> tuple[list[Connection], int]:
    rows = _matching(where, api_ids)
    total = rows.count()
    if after is not None:
        way = "gt" if oldest_first else "lt"
        beyond = Q(**{f"connected_at__{way}": after[0]})
        rows = rows.filter(beyond | Q(connected_at=after[0], **{f"connection_id__{way}": after[1]}))
    return list(rows.order_by(*(_OLDEST_FIRST if oldest_first else _YOUNGEST_FIRST))[:most]), total


def _page_from_memory(
    where: ConnectionFilter,
    api_ids: frozenset[str] | None,
    after: tuple[int, str] | None,
    most: int,
    oldest_first: bool,
) -> tuple[list[Connection], int]:
    matching = _select(where, api_ids)
    rest = [each for each in matching if after is None or (each > after if oldest_first else each < after)]
    # They are nearly in order already, which sorting profits from.
    chosen = [connection_id for _, connection_id in sorted(rest, reverse=not oldest_first)[:most]]
    rows = Connection.open.in_bulk(chosen)
    return [rows[each] for each in chosen if each in rows], len(matching)


def _matching(where: ConnectionFilter, api_ids: frozenset[str] | None) -> "QuerySet[Connection]":
    rows = Connection.open.order_by()
    if held := Installation.held():  # in a copy: connections of the original
        rows = rows.exclude(node_incarnation__in=held)
    if api_ids is not None:
        rows = rows.filter(api_id__in=api_ids)
    if where.api_id:
        rows = rows.filter(api_id=where.api_id)
    if where.stage:
        rows = rows.filter(stage=where.stage)
    if where.source_ip:
        rows = rows.filter(source_ip_key__range=_key_range(where.source_ip))
    if where.connection_ids:
        rows = rows.filter(pk__in=where.connection_ids)
    if where.connection_id_prefix:
        rows = _starting_with(rows, "head_of_id", "connection_id", where.connection_id_prefix)
    if where.principal_id:
        rows = rows.filter(authorizer__principalId=where.principal_id)
    if where.principal_id_prefix:
        principal = KeyTextTransform("principalId", "authorizer")
        rows = _starting_with(rows, "head_of_principal", principal, where.principal_id_prefix)
    if where.user_agent:
        rows = rows.filter(user_agent__icontains=where.user_agent)
    now = int(time() * 1000)
    if where.min_age is not None:
        rows = rows.filter(connected_at__lte=now - int(where.min_age * 1000))
    if where.max_age is not None:
        rows = rows.filter(connected_at__gte=now - int(where.max_age * 1000))
    return rows


def _starting_with(
    rows: "QuerySet[Connection]", name: str, column: str | KeyTextTransform, text: str
) -> "QuerySet[Connection]":
    # Not `startswith`: in SQLite that is blind to case.
    return rows.alias(**{name: Substr(column, 1, Length(Value(text)))}).filter(**{name: text})


def _key_range(network: str) -> tuple[str, str]:
    try:
        return key_range(network)
    except ValueError as error:
        raise _no_network(error) from error


def _no_network(error: ValueError) -> BadRequest:
    return BadRequest(f"Invalid sourceIp: {error}. Give an address, or a network such as 192.0.2.0/24.")


def _select(where: ConnectionFilter, api_ids: frozenset[str] | None) -> list[tuple[int, str]]:
    """When those connected that match, and their ids, from memory; without a gateway there are none."""
    try:
        return live_connections().select(where, api_ids)
    except NoGateway:
        return []
    except ValueError as error:
        raise _no_network(error) from error


def _ids(where: ConnectionFilter, api_ids: frozenset[str] | None) -> list[str]:
    if where.asks_memory:
        return [connection_id for _, connection_id in _select(where, api_ids)]
    return list(_matching(where, api_ids).values_list("pk", flat=True))


def _expected(where: ConnectionFilter, api_ids: frozenset[str] | None, expected_count: int | None) -> list[str]:
    """The ids of all that match, if they are as many as was expected."""
    ids = _ids(where, api_ids)
    if expected_count is not None and len(ids) != expected_count:
        raise Conflict(
            f"{len(ids)} connections match, not {expected_count}: nothing was done. Look again, and expect that many.",
            matching=str(len(ids)),
        )
    return ids


# what is done to them


def _gateway() -> LiveConnections:
    try:
        return live_connections()
    except NoGateway as error:
        raise Unavailable(str(error)) from error


def _states(connection_ids: Sequence[str]) -> Mapping[str, LiveState]:
    try:
        return live_connections().states(connection_ids)
    except NoGateway:
        return {}


def _serve(
    ids: Sequence[str], serve: Callable[[Sequence[str]], list[Delivery]], targets: list[Target], told: Told | None
) -> None:
    """Serve all, step by step; what became of them is in `targets` even if the gateway ends in between."""
    for start in range(0, len(ids), _STEP):
        if told is not None and not told(start, len(ids)):
            return
        some = ids[start : start + _STEP]
        targets += [Target(*pair) for pair in zip(some, serve(some), strict=True)]


def _check_close(code: int, reason: str) -> None:
    """RFC 6455 section 7.4: which codes may be sent; a reason fits into a control frame."""
    if not (code in (1000, 1001, 1002, 1003) or 1007 <= code <= 1014 or 3000 <= code <= 4999):
        raise BadRequest(f"A close frame cannot carry the code {code}: use 1000 or 4000-4999, say.")
    if len(reason.encode()) > LONGEST_REASON:
        raise BadRequest(f"A close frame's reason has at most {LONGEST_REASON} bytes; this has {len(reason.encode())}.")


def _path(row: Connection) -> str:
    return f"/apis/{row.api_id}/stages/{row.stage}/connections/{row.connection_id}"


def _path_of_all(where: ConnectionFilter) -> str:
    if not where.api_id:
        return "/connections"
    return f"/apis/{where.api_id}/stages/{where.stage}/connections" if where.stage else f"/apis/{where.api_id}"


def _described(frame: str | bytes) -> Document:
    """What a frame was like, without what it said."""
    return {"binary": isinstance(frame, bytes), "bytes": len(frame if isinstance(frame, bytes) else frame.encode())}


def _summary(where: ConnectionFilter, targets: Sequence[Target], meant: int) -> Document:
    conditions = {name: getattr(where, name) for name in where.__slots__}
    given = {name: value for name, value in conditions.items() if value not in ("", (), None)}
    left = {"notDone": meant - len(targets)} if meant > len(targets) else {}
    return {"where": given, "targets": len(targets), "results": count_results(targets), **left}
