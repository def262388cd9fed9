"""Permissions of the data directory: only the user that Nopal runs as can access the database, the keys and other data.

Directories have mode 0700 and files 0600, or 0770 and 0660 with group access. Commands create files with these modes
through the umask, and each start restricts what an earlier version created. Paths of other users, and directories that
contain more than Nopal's data, are not changed; `exposed_paths` lists those for a system check.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

DATABASE = "nopal.sqlite3"
LOCK = "gateway.lock"
JOURNAL = "connections.journal"
INSTALLATION = "installation"
KEYS, CERTIFICATES, STATIC = "keys", "certificates", "static"
_FILES = (LOCK, JOURNAL, INSTALLATION, f"{INSTALLATION}.new")
ENTRIES = frozenset({*_FILES, KEYS, CERTIFICATES, STATIC})
"""What Nopal puts into its data directory, besides the files of its database, which begin with DATABASE."""

_FILE_SYSTEM_ENTRIES = frozenset({"lost+found"})
_COMPANIONS = ("-wal", "-shm", "-journal")
"""The files that SQLite keeps beside a database, https://www.sqlite.org/tempfiles.html."""

Configuration = Mapping[str, Any]
"""One of Django's DATABASES."""


def create(directory: Path, *, group_access: bool) -> None:
    """Make the directory, and set the umask so that this process and its children create private files."""
    os.umask(_others(group_access))
    directory.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):  # a read-only file system that lacks it serves static files from the source
        (directory / STATIC).mkdir(exist_ok=True)


def restrict(directory: Path, database: Configuration, *, group_access: bool) -> None:
    """Set the modes of Nopal's own paths. Paths that cannot be changed stay as they are, see `exposed_paths`."""
    files = list(_database_files(database))
    if files:
        _create_database(files[0], group_access)
    for path in [*_paths(directory), *files] if is_dedicated(directory) else files:
        with suppress(OSError):  # it is not there, or the file system is read-only
            status = path.lstat()
            mode = private_mode(status, group_access=group_access)
            if _is_own(status) and mode != stat.S_IMODE(status.st_mode):
                path.chmod(mode)


def exposed_paths(
    directory: Path, database: Configuration, *, group_access: bool
) -> Iterator[tuple[Path, os.stat_result]]:
    """Paths that too many users can reach, with their status."""
    for path in (*_paths(directory), *_database_files(database)):
        with suppress(OSError):
            status = path.stat()
            if status.st_mode & _others(group_access):
                yield path, status


def private_mode(status: os.stat_result, *, group_access: bool) -> int:
    """The mode that a path should have instead of the one in `status`; the owner's bits stay."""
    group = (0o070 if stat.S_ISDIR(status.st_mode) else 0o060) if group_access else 0
    return (stat.S_IMODE(status.st_mode) & ~_others(group_access)) | group


def is_dedicated(directory: Path) -> bool:
    """Whether the directory holds nothing but Nopal's data; /tmp and somebody's home do not."""
    try:
        names = {entry.name for entry in os.scandir(directory) if not entry.name.startswith(DATABASE)}
    except PermissionError:
        return False
    return names <= ENTRIES | _FILE_SYSTEM_ENTRIES and not directory.stat().st_mode & stat.S_ISVTX


def _others(group_access: bool) -> int:
    """The permission bits of users who may not access the data, which is also the umask."""
    return 0o007 if group_access else 0o077


def _create_database(path: Path, group_access: bool) -> None:
    """SQLite gives the files beside a database the database's mode, but itself creates one that others may read."""
    with suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o660 & ~_others(group_access)))


def _paths(directory: Path) -> Iterator[Path]:
    yield directory
    for name in (KEYS, CERTIFICATES):
        yield directory / name
        yield from (directory / name).glob("*")
    yield directory / STATIC
    yield from (directory / name for name in _FILES)


def _database_files(database: Configuration) -> Iterator[Path]:
    """The files of a SQLite database, itself first; none for one in memory or on a server."""
    name = str(database["NAME"])
    if database["ENGINE"] == "django.db.backends.sqlite3" and name != ":memory:" and not name.startswith("file:"):
        path = Path(name).absolute()
        yield path
        yield from (path.with_name(path.name + suffix) for suffix in _COMPANIONS)


def _is_own(status: os.stat_result) -> bool:
    """Whether a path belongs to this user and is not a symbolic link, which may lead anywhere."""
    return status.st_uid == os.geteuid() and not stat.S_ISLNK(status.st_mode)
