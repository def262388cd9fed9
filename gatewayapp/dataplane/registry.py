"""The registry: one row for each connection, so that its end is reported even if this process is killed.

A row is committed before the 101 and removed after `$disconnect` was delivered. One writer groups what waits into
one transaction. Rows of an earlier run of this node are connections that it left behind: see `abandoned`.
"""

import asyncio
import logging
from collections.abc import Sequence

from django.db import Error, transaction

from gatewayapp.core.ids import Owner
from gatewayapp.core.messages import ConnectionInfo
from gatewayapp.core.networks import address_key
from gatewayapp.dataplane.database import DatabaseThread
from gatewayapp.models import Connection, Installation, Node

logger = logging.getLogger(__name__)

_INCARNATIONS = 1 << 12
_RETRY_SECONDS = 1.0
_BATCH = 1000


class Registry:
    """Writes the rows of one owner's connections."""

    def __init__(self, database: DatabaseThread, owner: Owner) -> None:
        self._database = database
        self._owner = owner
        self._added: list[tuple[ConnectionInfo, asyncio.Future[None]]] = []
        self._removed: list[str] = []
        self._writer: asyncio.Task[None] | None = None
        self._closed = False

    async def add(self, info: ConnectionInfo) -> None:
        """Return once the connection's row is committed. Raises django.db.Error if it cannot be."""
        committed = asyncio.get_running_loop().create_future()
        self._added.append((info, committed))
        self._write_soon()
        await committed

    def remove(self, connection_id: str) -> None:
        """Remove the connection's row soon; tried again while the database is away."""
        if not self._closed:
            self._removed.append(connection_id)
            self._write_soon()

    async def written(self) -> None:
        """Wait until everything is written."""
        while self._writer is not None:
            await asyncio.wait([self._writer])

    async def close(self) -> None:
        """Write what waits, and nothing any more: what then still has a row is reported by the next run."""
        self._closed = True
        await self.written()

    def _write_soon(self) -> None:
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        # While one transaction is under way the next one's rows gather.
        try:
            while self._added or self._removed:
                added, self._added = self._added[:_BATCH], self._added[_BATCH:]
                removed, self._removed = self._removed[:_BATCH], self._removed[_BATCH:]
                await self._write_batch(added, removed)
        finally:
            self._writer = None

    async def _write_batch(self, added: list[tuple[ConnectionInfo, asyncio.Future[None]]], removed: list[str]) -> None:
        error: Error | None = None
        try:
            await self._database.run(_write_rows, self._owner, [info for info, _ in added], removed)
        except Error as failure:
            error = failure
            logger.error("Cannot write the rows of connections: %s", failure)
            self._removed.extend(removed)
        for _, committed in added:
            if committed.done():
                continue
            if error is None:
                committed.set_result(None)
            else:
                committed.set_exception(error)
        if error is not None:
            await asyncio.sleep(_RETRY_SECONDS)


def claim_node(slot: int) -> Owner:
    """Start a new incarnation of a node; ids made from here on differ from those of its earlier runs."""
    with transaction.atomic():
        node, created = Node.objects.select_for_update().get_or_create(slot=slot, defaults={"incarnation": 0})
        if not created:
            node.incarnation = (node.incarnation + 1) % _INCARNATIONS
            node.save()
    return Owner(node.slot, node.incarnation)


def abandoned(owner: Owner, limit: int = _BATCH) -> list[ConnectionInfo]:
    """Connections that earlier runs of this node left behind, whose `$disconnect` is still owed."""
    not_to_report = [owner.incarnation, *Installation.held()]
    rows = Connection.objects.filter(node_slot=owner.slot).exclude(node_incarnation__in=not_to_report)
    return [_info(row) for row in rows[:limit]]


def _write_rows(owner: Owner, added: Sequence[ConnectionInfo], removed: Sequence[str]) -> None:
    with transaction.atomic():
        if added:
            Connection.objects.bulk_create([row_of(owner, info) for info in added])
        if removed:
            Connection.objects.filter(connection_id__in=removed).delete()


def row_of(owner: Owner, info: ConnectionInfo) -> Connection:
    """The row of one of the owner's connections, not saved."""
    return Connection(
        connection_id=info.connection_id,
        api_id=info.api_id,
        stage=info.stage,
        node_slot=owner.slot,
        node_incarnation=owner.incarnation,
        connected_at=info.connected_at,
        domain_name=info.domain_name,
        source_ip=info.source_ip,
        source_ip_key=address_key(info.source_ip),
        user_agent=info.user_agent,
        forwarded_proto=info.forwarded_proto,
        forwarded_port=info.forwarded_port,
        authorizer=None if info.authorizer is None else dict(info.authorizer),
    )


def _info(row: Connection) -> ConnectionInfo:
    return ConnectionInfo(
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
