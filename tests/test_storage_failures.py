"""Which errors of databases and disks are nobody's mistake, and how they are logged."""

import errno
import sqlite3

import pytest
from django.contrib.auth.models import User
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, ProgrammingError, connection
from django.test import Client

from gatewayapp import storage_failures
from gatewayapp.controlplane.operations.api_tokens import create_api_token
from gatewayapp.models import AccessKey
from gatewayapp.storage_failures import (
    DATABASE_AWAY,
    DATABASE_LOCKED,
    DISK_FULL,
    find_storage_failure,
    log_storage_failure,
    tolerate_storage_failures,
)


class PostgreSQLError(Exception):
    """As psycopg raises them."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("as the server said it")
        self.sqlstate = sqlstate


def raised_from(error: Exception, cause: BaseException) -> Exception:
    try:
        raise error from cause
    except Exception as raised:
        return raised


def sqlite_error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("as SQLite said it")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (raised_from(OperationalError("x"), sqlite_error(sqlite3.SQLITE_FULL)), DISK_FULL),
        (raised_from(OperationalError("x"), sqlite_error(sqlite3.SQLITE_BUSY)), DATABASE_LOCKED),
        (raised_from(OperationalError("x"), sqlite_error(sqlite3.SQLITE_BUSY_SNAPSHOT)), DATABASE_LOCKED),
        (raised_from(OperationalError("x"), sqlite_error(sqlite3.SQLITE_IOERR_WRITE)), DATABASE_AWAY),
        (raised_from(OperationalError("x"), sqlite_error(sqlite3.SQLITE_CANTOPEN)), DATABASE_AWAY),
        (raised_from(OperationalError("no such table"), sqlite_error(sqlite3.SQLITE_ERROR)), None),
        (raised_from(OperationalError("x"), PostgreSQLError("53100")), DISK_FULL),
        (raised_from(OperationalError("x"), PostgreSQLError("53300")), DATABASE_AWAY),
        (raised_from(OperationalError("x"), PostgreSQLError("57P01")), DATABASE_AWAY),
        (raised_from(OperationalError("x"), PostgreSQLError("08006")), DATABASE_AWAY),
        (raised_from(OperationalError("x"), PostgreSQLError(None)), DATABASE_AWAY),
        (raised_from(OperationalError("x"), PostgreSQLError("40P01")), DATABASE_LOCKED),
        (raised_from(OperationalError("x"), PostgreSQLError("42P01")), None),
        (InterfaceError("connection already closed"), DATABASE_AWAY),
        (OSError(errno.ENOSPC, "No space left on device"), DISK_FULL),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), DISK_FULL),
        (raised_from(RuntimeError("x"), OSError(errno.ENOSPC, "x")), DISK_FULL),
        (ConnectionResetError("the client left"), None),
        (IntegrityError("UNIQUE constraint failed"), None),
        (ProgrammingError("syntax error"), None),
        (DataError("value too long"), None),
        (ValueError("a bug"), None),
        (None, None),
    ],
)
def test_only_failures_of_storage_are_found(error: Exception | None, failure: object) -> None:
    assert find_storage_failure(error) is failure


@pytest.fixture
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing has been logged yet."""
    monkeypatch.setattr(storage_failures, "_log_limit", storage_failures._LogLimit())


@pytest.mark.usefixtures("unlimited")
def test_one_line_a_minute_is_logged(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(storage_failures, "monotonic", lambda: now)
    for _ in range(100):
        log_storage_failure(DISK_FULL, OperationalError("full"), "POST /v2/apis")
    log_storage_failure(DATABASE_AWAY, OperationalError("away"), "POST /v2/apis")
    now += 61
    log_storage_failure(DISK_FULL, OperationalError("full"), "POST /v2/apis")
    assert caplog.messages == [
        "POST /v2/apis failed with status 507: full",
        "POST /v2/apis failed with status 503: away",
        "POST /v2/apis failed with status 507: full (99 more since the last such line)",
    ]


def test_bugs_are_not_tolerated() -> None:
    with pytest.raises(ProgrammingError), tolerate_storage_failures("Noting something"):
        raise ProgrammingError("syntax error")


@pytest.mark.usefixtures("unlimited")
@pytest.mark.django_db(transaction=True)
def test_a_full_database_is_507_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PRAGMA max_page_count is SQLite's")
    user = User.objects.create_superuser("ann", password="a-cactus-in-the-sun")
    _, token = create_api_token(user_id=user.pk, name="tests", scopes=["access-keys:manage"])
    call = {"content_type": "application/json", "headers": {"Authorization": f"Bearer {token}"}}
    key = {"name": "laptop", "permissions": []}
    client = Client(raise_request_exception=False)
    assert client.post("/api/v1/access-keys", key, **call).status_code == 201  # the use of the token is noted
    with connection.cursor() as cursor:
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages}")
        try:
            statuses = [client.post("/api/v1/access-keys", key, **call).status_code for _ in range(400)]
        finally:
            cursor.execute("PRAGMA max_page_count = 1073741823")
    assert statuses[-1] == 507
    assert set(statuses) == {201, 507}
    assert AccessKey.objects.count() == 1 + statuses.count(201)
    assert client.get("/api/v1/access-keys", **call).status_code == 200
    assert client.post("/api/v1/access-keys", key, **call).status_code == 201
    assert not [record for record in caplog.records if record.exc_info]
    # Others may log meanwhile, such as how many lines of earlier tests were left out.
    assert [record.name for record in caplog.records].count("gatewayapp.storage_failures") == 1
