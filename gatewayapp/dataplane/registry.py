"""The registry: one row for each connection, so that its end is reported even if this process is killed.

A row is committed before the 101, closed when the connection ends and removed once its `$disconnect` was delivered.
One writer groups waiting changes into one transaction. While the database is unavailable, the changes go to the journal
instead, also on disk before the 101. When it is back, the journal is written to it and emptied.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from django.db import Error

from gatewayapp.core.ids import Owner
from gatewayapp.core.messages import ConnectionInfo, Disconnect
from gatewayapp.dataplane.connection_rows import ADD, REMOVE, Change, addition, closing, removal, write_changes
from gatewayapp.dataplane.database import DatabaseThread
from gatewayapp.dataplane.journal import Journal

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
_PATIENCE_SECONDS = 2.0
"""If a transaction takes longer, as behind a lock or a broken network, the database counts as unavailable."""
_BATCH = 1000


class RegistryUnavailable(Exception):
    """Neither the database nor the journal accepts a row now."""


class _Waiting(NamedTuple):
    """A change to write and the future of its waiter; without a change, it waits for all earlier changes."""

    change: Change | None
    written: "asyncio.Future[None] | None"


class Registry:
    """Writes the rows of one owner's connections; `load_journal` comes first."""

    def __init__(self, database: DatabaseThread, owner: Owner, journal: Journal) -> None:
        self._database = database
        self._owner = owner
        self._journal = journal
        self._journal_turn = asyncio.Lock()
        self._waiting: list[_Waiting] = []
        self._removing: set[str] = set()
        self._journaled_removals: set[str] = set()
        self._writer: asyncio.Task[None] | None = None
        self._recovery: asyncio.Task[None] | None = None
        self._closed = False

    async def load_journal(self) -> None:
        """Write to the database what an earlier run could not. Raises django.db.Error, OSError."""
        position = 0
        while position < self._journal.size:
            position = await self._database.run(self._journal.replay, position)
        await self._journal.clear()

    @property
    def is_away(self) -> bool:
        """Whether the database is unavailable, so that changes go to the journal."""
        return self._recovery is not None

    @property
    def has_room(self) -> bool:
        """Whether the row of another connection can be written."""
        return not self.is_away or self._journal.has_room(len(self._waiting))

    async def add(self, info: ConnectionInfo) -> None:
        """Return once the connection's row is committed, or in the journal.

        Raises RegistryUnavailable, or django.db.Error or ValueError for a row that the database never takes.
        """
        if not self.has_room:
            raise RegistryUnavailable("The database is unavailable, and the connection journal is full.")
        await self._submit(addition(self._owner, info))

    def close_row(self, connection_id: str, disconnect: Disconnect) -> None:
        """Record the connection's end soon, so that it leaves the lists and a later run can report it."""
        self._submit_soon(closing(connection_id, disconnect))

    def remove(self, connection_id: str) -> None:
        """Remove the connection's row soon."""
        self._removing.add(connection_id)
        self._submit_soon(removal(connection_id))

    def is_removing(self, connection_id: str) -> bool:
        """Whether the connection's row is still in the database but about to be removed."""
        return connection_id in self._removing

    async def flush(self) -> None:
        """Wait until the database has all changes so far. Raises RegistryUnavailable while it is unavailable."""
        await self._submit(None)
        if self.is_away:
            raise RegistryUnavailable("The database is unavailable.")

    async def stop(self) -> None:
        """Write the waiting changes, then stop. The next run reports connections that still have a row."""
        self._closed = True
        while self._writer is not None:
            await asyncio.wait([self._writer])
        if self._recovery is not None:
            self._recovery.cancel()
            logger.warning("The database is unavailable: the next start writes %s to it", self._journal.path)
        self._journal.close()

    def _submit_soon(self, change: Change) -> None:
        if not self._closed:
            self._waiting.append(_Waiting(change, None))
            self._write_soon()

    async def _submit(self, change: Change | None) -> None:
        written = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(change, written))
        self._write_soon()
        await written

    def _write_soon(self) -> None:
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        # While one transaction is under way the next one's changes gather.
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
                await self._write_batch(batch)
        finally:
            self._writer = None

    async def _write_batch(self, batch: list[_Waiting]) -> None:
        """Write a batch. While the journal fails too, additions fail and other changes are retried."""
        while True:
            try:
                rejected = await self._commit([each.change for each in batch if each.change is not None])
            except OSError as error:
                logger.error("Cannot write to the connection journal %s: %s", self._journal.path, error)
                batch = _without_additions(
                    batch, RegistryUnavailable(f"The database is unavailable, and so is the journal: {error}")
                )
                if self._closed:
                    return
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                _finish(batch, rejected)
                return

    async def _commit(self, changes: Sequence[Change]) -> dict[str, Exception]:
        """Write the changes to the database or else to the journal. Returns those that the database rejected."""
        while True:
            if not self.is_away:
                try:
                    return await self._write_to_database(changes)
                except (Error, TimeoutError) as error:
                    self._begin_outage(error)
            async with self._journal_turn:
                if self.is_away:
                    await self._journal.append(changes)
                    self._journaled_removals.update(_removed(changes))
                    return {}

    async def _write_to_database(self, changes: Sequence[Change]) -> dict[str, Exception]:
        writing = asyncio.ensure_future(self._database.run(write_changes, changes))
        done, _ = await asyncio.wait({writing}, timeout=_PATIENCE_SECONDS)
        if not done:
            # It may be committed yet. That is harmless: the journal is written after it, in the same thread.
            writing.add_done_callback(_ignore_result)
            raise TimeoutError(f"it has not written a batch of rows within {_PATIENCE_SECONDS:g} s")
        rejected = writing.result()
        self._removing.difference_update(_removed(changes))
        for connection_id, error in rejected.items():
            logger.error("The database rejected connection %s: %s", connection_id, error)
        return rejected

    def _begin_outage(self, error: Exception) -> None:
        logger.error(
            "The database is unavailable, so new connections are kept in %s until it is back: %s",
            self._journal.path,
            error,
        )
        self._recovery = asyncio.get_running_loop().create_task(self._recover())

    async def _recover(self) -> None:
        """Write the journal to the database once it is back, including changes appended meanwhile."""
        position = 0
        while self.is_away:
            await asyncio.sleep(_RETRY_SECONDS)
            try:
                await self._database.run(write_changes, ())
                while position < self._journal.size:
                    position = await self._database.run(self._journal.replay, position)
                async with self._journal_turn:
                    if position == self._journal.size:
                        await self._journal.clear()
                        self._end_outage()
            except (Error, OSError) as error:
                logger.debug("The database is still unavailable: %s", error)

    def _end_outage(self) -> None:
        self._removing -= self._journaled_removals
        self._journaled_removals.clear()
        self._recovery = None
        logger.warning("The database is back and contains the connections that were kept in %s", self._journal.path)


def _finish(batch: Sequence[_Waiting], rejected: Mapping[str, Exception]) -> None:
    """Tell those who wait for the batch."""
    for change, written in batch:
        if written is None or written.done():
            continue
        error = None if change is None else rejected.get(change.connection_id)
        if error is None:
            written.set_result(None)
        else:
            written.set_exception(error)


def _without_additions(batch: Sequence[_Waiting], error: Exception) -> list[_Waiting]:
    """Fail the additions of a batch; the rest."""
    additions = [each for each in batch if each.change is not None and each.change.kind == ADD]
    _finish(additions, {each.change.connection_id: error for each in additions if each.change is not None})
    return [each for each in batch if each.change is None or each.change.kind != ADD]


def _removed(changes: Sequence[Change]) -> list[str]:
    return [change.connection_id for change in changes if change.kind == REMOVE]


def _ignore_result(writing: "asyncio.Future[dict[str, Exception]]") -> None:
    if not writing.cancelled():
        writing.exception()
