"""`manage.py restoredconnections [report|discard]`: decide about the connections that a copied database lists."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gatewayapp.controlplane.operations.errors import Conflict
from gatewayapp.controlplane.operations.restored_connections import (
    count_restored_connections,
    discard_restored_connections,
    report_restored_connections,
)
from gatewayapp.management.tables import ensure_tables


class Command(BaseCommand):
    help = "Decide about the connections in a restored database, which may still be open at the original installation."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "decision",
            nargs="?",
            choices=["report", "discard"],
            help="report: the original has stopped for good, deliver their $disconnect; discard: forget them. "
            "Without a decision: print how many there are.",
        )

    def handle(self, *, decision: str | None, **options: Any) -> None:
        ensure_tables()
        try:
            if decision == "report":
                count = report_restored_connections()
                self.stdout.write(
                    f"The gateway delivers the $disconnect of {count} connections, at the latest after its next start."
                )
            elif decision == "discard":
                self.stdout.write(f"Discarded {discard_restored_connections()} connections.")
            else:
                self.stdout.write(f"{count_restored_connections()} restored connections are waiting for a decision.")
        except Conflict as error:
            raise CommandError(error.message) from error
