"""One gateway for each data directory: a second would take the first one's connections for abandoned ones."""

import fcntl
import os
from pathlib import Path

from gatewayapp.data_directory import LOCK


class AlreadyRunning(RuntimeError):
    """Another gateway holds the data directory."""


class DataDirectoryLock:
    """A lock that the kernel releases with the process, however it ends."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / LOCK
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Raises AlreadyRunning, with a sentence that says what to do."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o660)  # less what `data_directory` sets as the umask
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise AlreadyRunning(
                f"Another Nopal runs on {self._path.parent}. Stop it first, or set NOPAL_DATA_DIR to another directory."
            ) from None
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
