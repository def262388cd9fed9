"""Recognizes a copy: a restored database or a copied data directory whose original may still be running.

When the gateway starts, it reports the connections that an earlier run left behind as ended. In a copy they may still
be open at the original, so they are on hold until a user decides. A database belongs to this data directory if both
hold the same installation id and the directory is in the same place as before: the file with the id is the same file
(a copy has another inode number) on the same machine (host name and machine id). Where this cannot tell two places
apart, as with a snapshot of a whole machine, NOPAL_INSTALLATION names the installation and replaces the place.
"""

import asyncio
import hashlib
import logging
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.db import DatabaseError, transaction

from gatewayapp.core.ids import Owner
from gatewayapp.data_directory import INSTALLATION
from gatewayapp.dataplane.database import DatabaseThread
from gatewayapp.models import Connection, Installation

logger = logging.getLogger(__name__)

_MACHINE_ID = Path("/etc/machine-id")
_POLL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a database is used. If the operator has set a `name`, only the name counts."""

    directory: Path
    name: str = ""

    @property
    def file(self) -> Path:
        return self.directory / INSTALLATION

    def read_id(self) -> str:
        """The installation id that the data directory holds, empty without one."""
        try:
            return self.file.read_text().strip()
        except FileNotFoundError:
            return ""

    def write_id(self, installation_id: str) -> None:
        """Write the id atomically, so that a crash leaves the old id or the new one."""
        temporary = self.file.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(installation_id)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.file)

    def describe(self) -> str:
        """A description of this place, for comparison and for the log."""
        return f"named {self.name}" if self.name else self.describe_machine()

    def describe_machine(self) -> str:
        inode = self.file.stat().st_ino if self.file.exists() else 0
        return f"host {socket.gethostname()}, machine {_machine_id()}, file {inode}"

    def owns(self, installation: Installation) -> bool:
        """Whether the database was used here last."""
        if self.name and installation.place == self.describe():
            return True
        return self.read_id() == installation.installation_id and installation.place == self.describe_machine()


def recognize_installation(owner: Owner) -> bool:
    """Find out at the start whether this is a copy. Returns whether connections are on hold.

    Afterwards database and data directory belong together, so that the next start finds nothing new.
    """
    place = _Place(Path(settings.DATA_DIR), settings.NOPAL_INSTALLATION)
    with transaction.atomic():
        installation = Installation.objects.select_for_update().filter(pk=Installation.ROW).first()
        is_new = installation is None and not place.read_id()
        if installation is None:
            installation = Installation(pk=Installation.ROW)
        if is_new or not place.owns(installation):
            found = [] if is_new else _incarnations_left(owner)
            if found:
                _warn(installation, owner)
            installation.held_incarnations = sorted({*installation.held_incarnations, *found})
            installation.installation_id = uuid4().hex
            place.write_id(installation.installation_id)
        installation.place = place.describe()
        installation.save()
    return bool(installation.held_incarnations)


async def wait_for_decision(database: DatabaseThread) -> None:
    """Return once a user has decided about the connections on hold, in this or another process."""
    while True:
        await asyncio.sleep(_POLL_SECONDS)
        with suppress(DatabaseError):
            if not await database.run(Installation.held):
                return


def _incarnations_left(owner: Owner) -> list[int]:
    """The incarnations of connections that are not of this run."""
    rows = Connection.objects.filter(node_slot=owner.slot).exclude(node_incarnation=owner.incarnation)
    return list(rows.order_by().values_list("node_incarnation", flat=True).distinct())


def _warn(installation: Installation, owner: Owner) -> None:
    count = Connection.objects.filter(node_slot=owner.slot).exclude(node_incarnation=owner.incarnation).count()
    used = f" It was last used elsewhere ({installation.place})." if installation.place else ""
    logger.warning(
        "This database was copied from another installation.%s It lists %d connections that may still be open there, "
        "so their $disconnect is on hold. If the original has stopped for good, run "
        "'manage.py restoredconnections report'. If it still runs or has reported them, run "
        "'manage.py restoredconnections discard'. Administrators can also decide on the dashboard's overview page.",
        used,
        count,
    )


def _machine_id() -> str:
    """The machine's id, hashed since it is not to be disclosed (machine-id(5)); empty in most containers."""
    try:
        machine_id = _MACHINE_ID.read_text().strip()
    except OSError:
        return ""
    return hashlib.sha256(f"nopal {machine_id}".encode()).hexdigest()[:16]
