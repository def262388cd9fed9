"""`manage.py exportapi API_ID`: write an API as a Nopal, CloudFormation or AsyncAPI document, or as a picture."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gatewayapp.controlplane.operations import OperationError
from gatewayapp.interchange import FORMATS, Rejected, export_api
from gatewayapp.management.tables import ensure_tables


class Command(BaseCommand):
    help = "Export an API as YAML, or as a picture."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("api_id", help="the API's id")
        parser.add_argument("--format", choices=FORMATS, default="nopal", help="default: nopal")
        parser.add_argument("--stage", metavar="NAME", help="export what this stage serves, instead of the draft")
        parser.add_argument("--endpoint", metavar="URL", help="where clients connect, for AsyncAPI: wss://host/path")
        parser.add_argument(
            "--redacted", action="store_true", help="write placeholders for secrets; an import keeps the stored secrets"
        )
        parser.add_argument("--output", metavar="FILE", help="write to a file instead of standard output")

    def handle(self, *, api_id: str, output: str | None, **options: Any) -> None:
        ensure_tables()
        try:
            text = export_api(
                api_id, options["format"], options["stage"], options["endpoint"], with_secrets=not options["redacted"]
            )
        except (OperationError, Rejected) as error:
            raise CommandError(str(error)) from error
        if output is None:
            self.stdout.write(text, ending="")
            return
        try:
            Path(output).write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"Cannot write {output}: {error.strerror}.") from error
