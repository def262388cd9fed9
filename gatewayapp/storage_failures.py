"""Storage failures: the disk is full, or the database is unavailable or locked.

They are not bugs and end once their cause is gone. Callers get a status and a message that say so, and the log gets one
line a minute without a traceback. Any other database error is a bug and stays an exception.
"""

import errno
import logging
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError

logger = logging.getLogger(__name__)

LOG_INTERVAL_SECONDS = 60.0
_RETRY_SECONDS = 5
_MAX_CAUSES = 20
_NO_SPACE_BYTES = 64 * 1024
"""A disk with less free space than this is full: SQLite extends its files by pages and its index by 32 KiB."""


@dataclass(frozen=True, slots=True)
class StorageFailure:
    """The response to callers; `code` is the error type for AWS's SDKs."""

    status: int
    code: str
    message: str
    retry_after: int | None = None
    """Seconds until a caller should try again; None: only after an operator has solved the problem."""

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


DISK_FULL = StorageFailure(
    507,
    "InsufficientStorageException",
    "Nothing was saved, because the disk that holds the database is full. Free some space on it and try again.",
)
DATABASE_AWAY = StorageFailure(
    503,
    "ServiceUnavailableException",
    "Nothing was saved, because the database is unavailable. Try again in a few seconds.",
    _RETRY_SECONDS,
)
DATABASE_LOCKED = StorageFailure(
    503,
    "ServiceUnavailableException",
    "Nothing was saved, because another program has locked the database. Try again in a few seconds.",
    _RETRY_SECONDS,
)

# https://www.sqlite.org/rescode.html
_SQLITE = {
    sqlite3.SQLITE_FULL: DISK_FULL,
    sqlite3.SQLITE_BUSY: DATABASE_LOCKED,
    sqlite3.SQLITE_LOCKED: DATABASE_LOCKED,
}
_SQLITE_FILE_ERRORS = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRESQL = {
    "53100": DISK_FULL,
    "40001": DATABASE_LOCKED,  # serialization_failure
    "40P01": DATABASE_LOCKED,  # deadlock_detected
    "55P03": DATABASE_LOCKED,  # lock_not_available
    "57014": DATABASE_LOCKED,  # query_canceled, by statement_timeout
    "25006": DATABASE_AWAY,  # read_only_sql_transaction, on a server that has become a standby
    "25P03": DATABASE_AWAY,  # idle_in_transaction_session_timeout
}
_POSTGRESQL_CLASSES = {"08": DATABASE_AWAY, "53": DATABASE_AWAY, "57": DATABASE_AWAY, "58": DATABASE_AWAY}


def find_storage_failure(error: BaseException | None) -> StorageFailure | None:
    """The storage failure behind `error` or one of its causes; None if there is none."""
    for _ in range(_MAX_CAUSES):
        if error is None:
            return None
        failure = _failure_of(error)
        if failure is not None:
            return failure
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return None


def log_storage_failure(failure: StorageFailure, error: BaseException, what: str) -> None:
    """Log that `what` failed, unless a failure of this kind was logged less than a minute ago."""
    unlogged = _log_limit.admit(failure)
    if unlogged is not None:
        more = f" ({unlogged} more since the last such line)" if unlogged else ""
        logger.error("%s failed with status %d: %s%s", what, failure.status, error, more)


@contextmanager
def tolerate_storage_failures(what: str) -> Iterator[None]:
    """Ignore storage failures in the block, for data that the caller does not depend on."""
    try:
        yield
    except Exception as error:
        failure = find_storage_failure(error)
        if failure is None:
            raise
        log_storage_failure(failure, error, what)


class _LogLimit:
    """Admits one log line of each kind in `LOG_INTERVAL_SECONDS`, and counts the others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: dict[StorageFailure, float] = {}
        self._unlogged: dict[StorageFailure, int] = {}

    def admit(self, failure: StorageFailure) -> int | None:
        """How many lines were left out before this one; None if this one is to be left out."""
        now = monotonic()
        with self._lock:
            if now < self._next.get(failure, now):
                self._unlogged[failure] = self._unlogged.get(failure, 0) + 1
                return None
            self._next[failure] = now + LOG_INTERVAL_SECONDS
            return self._unlogged.pop(failure, 0)


_log_limit = _LogLimit()


def _failure_of(error: BaseException) -> StorageFailure | None:
    if isinstance(error, sqlite3.Error):
        return _sqlite_failure(getattr(error, "sqlite_errorcode", 0) & 0xFF)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DISK_FULL
    if isinstance(error, InterfaceError):  # the connection was closed
        return DATABASE_AWAY
    if isinstance(error, OperationalError) and not isinstance(error.__cause__, sqlite3.Error):
        return _postgresql_failure(getattr(error.__cause__, "sqlstate", None))
    return None


def _sqlite_failure(code: int) -> StorageFailure | None:
    if code in _SQLITE_FILE_ERRORS:
        return DISK_FULL if _is_disk_full() else DATABASE_AWAY
    return _SQLITE.get(code)


def _postgresql_failure(sqlstate: Any) -> StorageFailure | None:
    """An error without a state comes from the client's side: no connection, or one that broke."""
    if sqlstate is None:
        return DATABASE_AWAY
    return _POSTGRESQL.get(sqlstate) or _POSTGRESQL_CLASSES.get(sqlstate[:2])


def _is_disk_full() -> bool:
    try:
        return shutil.disk_usage(settings.DATA_DIR).free < _NO_SPACE_BYTES
    except OSError:
        return False
