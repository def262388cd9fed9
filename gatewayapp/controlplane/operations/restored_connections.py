"""Operations on connections that were found in a copy of an installation, see `gatewayapp.models.Installation`.

The gateway notices the decision within seconds and delivers the `$disconnect` of rows that are no longer on hold.
"""

from django.db.models import QuerySet

from gatewayapp.controlplane.operations.changes import one_change
from gatewayapp.controlplane.operations.errors import Conflict
from gatewayapp.models import Connection, Installation


def count_restored_connections() -> int:
    """How many connections wait for a decision."""
    held = Installation.held()
    return _rows(held).count() if held else 0


def report_restored_connections() -> int:
    """Have the `$disconnect` of all of them delivered to their backends; returns how many they are."""
    return _decide("ReportRestoredConnections", discard=False)


def discard_restored_connections() -> int:
    """Delete their rows without a `$disconnect`; returns how many they were."""
    return _decide("DiscardRestoredConnections", discard=True)


def _decide(action: str, *, discard: bool) -> int:
    with one_change(action) as entry:
        installation = Installation.objects.select_for_update().filter(pk=Installation.ROW).first()
        if installation is None or not installation.held_incarnations:
            raise Conflict("No restored connections are waiting for a decision. It may have been made already.")
        rows = _rows(installation.held_incarnations)
        count = rows.count()
        if discard:
            rows.delete()
        installation.held_incarnations = []
        installation.save(update_fields=["held_incarnations"])
        entry.path = "/restoredconnections"
        entry.before, entry.after = {"connections": count}, {"connections": 0}
        return count


def _rows(incarnations: list[int]) -> QuerySet[Connection]:
    return Connection.objects.filter(node_incarnation__in=incarnations)
