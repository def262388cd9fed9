"""Operations on live connections: listed from the database, served by the gateway that holds them.

Filters that only the gateway's memory can answer (how long idle) are applied to what the database found. Sending and
disconnecting change no configuration, but each call adds its entry to the audit log; what was sent is not kept.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from time import time

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Length, Substr

from gatewayapp.controlplane.operations.audit_entries import add_entry
from gatewayapp.controlplane.operations.errors import BadRequest, Conflict, NotFound, Unavailable
from gatewayapp.core.networks import key_range
from gatewayapp.live import Delivery, LiveConnections, LiveState, NoGateway, live_connections
from gatewayapp.models import Connection, Document

_YOUNGEST_FIRST = ("-connected_at", "-connection_id")
_BATCH = 2000
_LONGEST_REASON = 123


@dataclass(frozen=True, slots=True)
class ConnectionFilter:
    """Which connections are meant: those that all given conditions hold for. Ages and idle times in seconds."""

    api_id: str = ""
    stage: str = ""
    source_ip: str = ""
    """An address, or a network in CIDR notation."""
    connection_id_prefix: str = ""
    user_agent: str = ""
    """A part of it, in any case."""
    min_age: float | None = None
    max_age: float | None = None
    min_idle: float | None = None
    max_idle: float | None = None

    @property
    def by_idle_time(self) -> bool:
        return self.min_idle is not None or self.max_idle is not None


@dataclass(frozen=True, slots=True)
class Target:
    """What became of a frame or a close that was meant for one connection."""

    connection_id: str
    result: Delivery


@dataclass(frozen=True, slots=True)
class LivePage:
    """A page of connections, how many there are in all, and where the next page begins."""

    connections: list[tuple[Connection, LiveState | None]]
    total: int
    next_after: tuple[int, str] | None


def get_connections(
    *, where: ConnectionFilter, api_ids: frozenset[str] | None, after: tuple[int, str] | None, size: int
) -> LivePage:
    """A page of `size` connections, the youngest first, of the APIs `api_ids` (None: of all).

    `after` is the last one of the page before: its time of connecting and its id.
    """
    rows = _matching(where, api_ids)
    total = sum(1 for _ in _ids(rows, where)) if where.by_idle_time else rows.count()
    if after is not None:
        rows = rows.filter(Q(connected_at__lt=after[0]) | Q(connected_at=after[0], connection_id__lt=after[1]))
    if where.by_idle_time:
        ids = list(islice(_ids(rows, where), size + 1))
        rows = Connection.objects.filter(pk__in=ids).order_by(*_YOUNGEST_FIRST)
    found = list(rows[: size + 1])
    last = found[size - 1] if len(found) > size else None
    return LivePage(
        [(row, _state(row.connection_id)) for row in found[:size]],
        total,
        (last.connected_at, last.connection_id) if last else None,
    )


def get_connection(*, connection_id: str) -> tuple[Connection, LiveState | None]:
    """The connection, and its state unless it is just ending."""
    row = Connection.objects.filter(pk=connection_id).first()
    if row is None:
        raise NotFound(f"There is no connection {connection_id}.", resourceType="Connection")
    return row, _state(row.connection_id)


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
) -> list[Target]:
    """Send a frame to all that match. Raises Conflict where `expected_count` is given and not what matches."""
    ids = _expected(where, api_ids, expected_count)
    targets = _targets(ids, _gateway().deliver(ids, frame))
    add_entry("Broadcast", _path_of_all(where), after={**_described(frame), **_summary(where, targets)})
    return targets


def disconnect_all(
    *, where: ConnectionFilter, api_ids: frozenset[str] | None, code: int, reason: str, expected_count: int
) -> list[Target]:
    """Close all that match. Raises Conflict where that is another number than `expected_count`."""
    _check_close(code, reason)
    ids = _expected(where, api_ids, expected_count)
    targets = _targets(ids, _gateway().close(ids, code, reason))
    add_entry("DisconnectAll", _path_of_all(where), after={"code": code, "reason": reason, **_summary(where, targets)})
    return targets


def count_live() -> int:
    """How many connections the gateway of this process holds; none where there is none."""
    try:
        return live_connections().count()
    except NoGateway:
        return 0


def count_results(targets: Sequence[Target]) -> dict[str, int]:
    """How often each result occurs."""
    counts = Counter(target.result.value for target in targets)
    return {delivery.value: counts[delivery.value] for delivery in Delivery}


# which ones


def _matching(where: ConnectionFilter, api_ids: frozenset[str] | None) -> "QuerySet[Connection]":
    now = int(time() * 1000)
    rows = Connection.objects.order_by(*_YOUNGEST_FIRST)
    if api_ids is not None:
        rows = rows.filter(api_id__in=api_ids)
    if where.api_id:
        rows = rows.filter(api_id=where.api_id)
    if where.stage:
        rows = rows.filter(stage=where.stage)
    if where.source_ip:
        rows = rows.filter(source_ip_key__range=_key_range(where.source_ip))
    if where.connection_id_prefix:
        # Not `startswith`: in SQLite that is blind to case.
        prefix = Value(where.connection_id_prefix)
        rows = rows.annotate(head=Substr("connection_id", 1, Length(prefix))).filter(head=prefix)
    if where.user_agent:
        rows = rows.filter(user_agent__icontains=where.user_agent)
    if where.min_age is not None:
        rows = rows.filter(connected_at__lte=now - int(where.min_age * 1000))
    if where.max_age is not None:
        rows = rows.filter(connected_at__gte=now - int(where.max_age * 1000))
    return rows


def _key_range(network: str) -> tuple[str, str]:
    try:
        return key_range(network)
    except ValueError as error:
        raise BadRequest(f"Invalid sourceIp: {error}. Give an address, or a network such as 192.0.2.0/24.") from error


def _ids(rows: "QuerySet[Connection]", where: ConnectionFilter) -> Iterator[str]:
    now = int(time() * 1000)
    for connection_id in rows.values_list("connection_id", flat=True).iterator(chunk_size=_BATCH):
        if not where.by_idle_time or _idle_matches(where, _state(connection_id), now):
            yield connection_id


def _idle_matches(where: ConnectionFilter, state: LiveState | None, now: int) -> bool:
    if not where.by_idle_time:
        return True
    if state is None:
        return False
    idle = (now - state.last_active_at) / 1000
    return (where.min_idle is None or idle >= where.min_idle) and (where.max_idle is None or idle <= where.max_idle)


def _expected(where: ConnectionFilter, api_ids: frozenset[str] | None, expected_count: int | None) -> list[str]:
    """The ids of all that match, if they are as many as was expected."""
    ids = list(_ids(_matching(where, api_ids), where))
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


def _state(connection_id: str) -> LiveState | None:
    try:
        return live_connections().state(connection_id)
    except NoGateway:
        return None


def _targets(ids: Sequence[str], deliveries: Sequence[Delivery]) -> list[Target]:
    return [Target(*pair) for pair in zip(ids, deliveries, strict=True)]


def _check_close(code: int, reason: str) -> None:
    """RFC 6455 section 7.4: which codes may be sent; a reason fits into a control frame."""
    if not (code in (1000, 1001, 1002, 1003) or 1007 <= code <= 1014 or 3000 <= code <= 4999):
        raise BadRequest(f"A close frame cannot carry the code {code}: use 1000 or 4000-4999, say.")
    if len(reason.encode()) > _LONGEST_REASON:
        raise BadRequest(
            f"A close frame's reason has at most {_LONGEST_REASON} bytes; this has {len(reason.encode())}."
        )


def _path(row: Connection) -> str:
    return f"/apis/{row.api_id}/stages/{row.stage}/connections/{row.connection_id}"


def _path_of_all(where: ConnectionFilter) -> str:
    if not where.api_id:
        return "/connections"
    return f"/apis/{where.api_id}/stages/{where.stage}/connections" if where.stage else f"/apis/{where.api_id}"


def _described(frame: str | bytes) -> Document:
    """What a frame was like, without what it said."""
    return {"binary": isinstance(frame, bytes), "bytes": len(frame if isinstance(frame, bytes) else frame.encode())}


def _summary(where: ConnectionFilter, targets: Sequence[Target]) -> Document:
    conditions = {name: getattr(where, name) for name in where.__slots__}
    given = {name: value for name, value in conditions.items() if value not in ("", None)}
    return {"where": given, "targets": len(targets), "results": count_results(targets)}
