"""The journal: a file that records changes to connections' rows while the database is unavailable.

Each change is one line of JSON, `[kind, connectionId, values]`. An append returns once its lines are on disk; a crash
can only leave a partial line at the end, which no caller was told is written. This run or the next can write the
journal to the database from the start, any number of times.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import orjson

from gatewayapp.dataplane.connection_rows import ADD, Change, write_changes

logger = logging.getLogger(__name__)

_CHUNK_BYTES = 256 * 1024
"""Bytes written to the database in one transaction, about 500 rows."""


class Journal:
    """The journal at `path`; it takes at most `max_additions` new connections. One writer appends to it."""

    def __init__(self, path: Path, max_additions: int) -> None:
        self.path = path
        self._max_additions = max_additions
        self._additions = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="nopal-journal")
        self.size = _size_of_whole_lines(path)
        """Bytes that are on disk."""

    def has_room(self, additions: int = 0) -> bool:
        """Whether it has room for one more new connection in addition to the waiting ones."""
        return self._additions + additions < self._max_additions

    async def append(self, changes: Sequence[Change]) -> None:
        """Return once the changes are on disk. Raises OSError and leaves the journal as it was."""
        data = b"".join(orjson.dumps([*change]) + b"\n" for change in changes)
        await self._run(self._append, data)
        self.size += len(data)
        self._additions += sum(change.kind == ADD for change in changes)

    async def clear(self) -> None:
        """Empty it, because the database has everything. Raises OSError."""
        await self._run(self._truncate)
        self.size = self._additions = 0

    def replay(self, position: int) -> int:
        """Write a part of the journal, from a byte position on, to the database; the position behind it.

        Called in the database's thread. Raises django.db.Error if the database is unavailable.
        """
        with self.path.open("rb") as file:
            file.seek(position)
            chunk = file.read(min(_CHUNK_BYTES, self.size - position))
            if not chunk.endswith(b"\n"):
                chunk += file.readline()
        for connection_id, error in write_changes([*filter(None, map(_read_change, chunk.splitlines()))]).items():
            logger.error("The database rejected connection %s from the journal: %s", connection_id, error)
        return position + len(chunk)

    def close(self) -> None:
        self._thread.shutdown()

    async def _run(self, function: Callable[..., None], *arguments: bytes) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def _append(self, data: bytes) -> None:
        is_new = not self.path.exists()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.truncate(self.size)  # drops what an append left behind that failed halfway
            file.seek(self.size)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        if is_new:
            _sync_directory(self.path.parent)

    def _truncate(self) -> None:
        with suppress(FileNotFoundError), self.path.open("r+b") as file:
            file.truncate(0)
            os.fsync(file.fileno())


def _size_of_whole_lines(path: Path) -> int:
    try:
        return path.read_bytes().rfind(b"\n") + 1
    except FileNotFoundError:
        return 0


def _read_change(line: bytes) -> Change | None:
    try:
        return Change(*orjson.loads(line))
    except (ValueError, TypeError):
        logger.error("Skipped a damaged line of the connection journal: %.200r", line)
        return None


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
