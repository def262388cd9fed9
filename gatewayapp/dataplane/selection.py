"""Which live connections a filter means, told from memory: tens of thousands are looked at for one page of a list.

What is cheap to tell is asked first; the conditions that are not given cost nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from time import time

from gatewayapp.core.networks import address_key, key_range
from gatewayapp.dataplane.connections import LiveConnection
from gatewayapp.live import ConnectionFilter

Condition = Callable[[LiveConnection], bool]

_key_of = lru_cache(maxsize=65_536)(address_key)


def select(
    connections: Iterable[LiveConnection], where: ConnectionFilter, api_ids: frozenset[str] | None
) -> list[LiveConnection]:
    """The connections of the APIs `api_ids` (None: of all) that match. Raises ValueError for a network that is none."""
    found = list(connections)
    for condition in _conditions(where, api_ids):
        found = list(filter(condition, found))
    return found


def _conditions(where: ConnectionFilter, api_ids: frozenset[str] | None) -> Iterator[Condition]:
    if api_ids is not None:
        yield lambda connection: connection.info.api_id in api_ids
    if where.api_id:
        yield lambda connection: connection.info.api_id == where.api_id
    if where.stage:
        yield lambda connection: connection.info.stage == where.stage
    if where.connection_ids:
        ids = frozenset(where.connection_ids)
        yield lambda connection: connection.info.connection_id in ids
    if where.connection_id_prefix:
        yield lambda connection: connection.info.connection_id.startswith(where.connection_id_prefix)
    if where.has_errors is not None:
        yield lambda connection: (connection.errors > 0) is where.has_errors
    yield from _conditions_of_time(where)
    if where.slow_consumer is not None:
        yield lambda connection: connection.slow is where.slow_consumer
    if where.principal_id:
        yield lambda connection: _principal(connection) == where.principal_id
    if where.principal_id_prefix:
        yield lambda connection: _principal(connection).startswith(where.principal_id_prefix)
    if where.user_agent:
        part = where.user_agent.lower()
        yield lambda connection: part in (connection.info.user_agent or "").lower()
    if where.source_ip:
        first, last = key_range(where.source_ip)
        yield lambda connection: first <= _key_of(connection.info.source_ip) <= last


def _conditions_of_time(where: ConnectionFilter) -> Iterator[Condition]:
    now = int(time() * 1000)
    if where.min_age is not None:
        latest = now - int(where.min_age * 1000)
        yield lambda connection: connection.info.connected_at <= latest
    if where.max_age is not None:
        earliest = now - int(where.max_age * 1000)
        yield lambda connection: connection.info.connected_at >= earliest
    if (min_idle := where.min_idle) is not None:
        yield lambda connection: connection.lifetime.idle_for >= min_idle
    if (max_idle := where.max_idle) is not None:
        yield lambda connection: connection.lifetime.idle_for <= max_idle


def _principal(connection: LiveConnection) -> str:
    return (connection.info.authorizer or {}).get("principalId", "")
