"""`manage.py importapi FILE`: make an API from a CloudFormation or SAM template, or from a Nopal document."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gatewayapp.interchange import MAX_DOCUMENT_BYTES, Imported, Plan, Rejected, apply, preview, read_document
from gatewayapp.management.tables import ensure_tables


class Command(BaseCommand):
    help = "Import an API from a CloudFormation or SAM template (YAML or JSON), or from a Nopal document."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the document; - reads standard input")
        parser.add_argument(
            "--parameter",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="a parameter of the template, or a value that only AWS knows, such as LoadBalancer.DNSName=…; "
            "may be repeated",
        )
        parser.add_argument("--api", metavar="NAME", help="which API of the template, by its logical id")
        parser.add_argument("--api-id", metavar="ID", help="give the document to this API instead of making a new one")
        parser.add_argument("--draft", action="store_true", help="import without stages: nothing is deployed")
        parser.add_argument("--dry-run", action="store_true", help="tell what would change, and change nothing")
        parser.add_argument("--json", action="store_true", help="print the result, or the problems, as JSON")

    def handle(self, *, file: str, parameter: list[str], **options: Any) -> None:
        ensure_tables()
        try:
            plan = read_document(_text(file), dict(map(_parameter, parameter)), options["api"])
            plan = plan.without_stages() if options["draft"] else plan
            imported = (preview if options["dry_run"] else apply)(plan, options["api_id"])
        except Rejected as rejection:
            raise self._refused(rejection, as_json=options["json"]) from rejection
        if options["json"]:
            self.stdout.write(json.dumps({**imported.document(), "dryRun": options["dry_run"]}, indent=2))
        else:
            self.stdout.write(_told(plan, imported, dry_run=options["dry_run"]))

    def _refused(self, rejection: Rejected, *, as_json: bool) -> BaseException:
        if as_json:
            problems = [{"place": problem.place, "message": problem.message} for problem in rejection.problems]
            self.stdout.write(json.dumps({"problems": problems}, indent=2))
            return SystemExit(1)
        lines = "\n".join(f"  {problem}" for problem in rejection.problems)
        return CommandError(f"Nothing was imported:\n{lines}")


def _text(file: str) -> str:
    """The file's text; of one that is too large only as much as shows that."""
    try:
        if file == "-":
            return sys.stdin.read(MAX_DOCUMENT_BYTES + 1)
        with Path(file).open(encoding="utf-8") as opened:
            return opened.read(MAX_DOCUMENT_BYTES + 1)
    except OSError as error:
        raise CommandError(f"Cannot read {file}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{file} is not UTF-8 text.") from error


def _parameter(argument: str) -> tuple[str, str]:
    name, equals, value = argument.partition("=")
    if not name or not equals:
        raise CommandError(f"--parameter takes NAME=VALUE, not {argument!r}.")
    return name, value


def _told(plan: Plan, imported: Imported, *, dry_run: bool) -> str:
    name = plan.definition.api.members["name"]
    heads = {
        False: f"Imported {name} as API {imported.api_id}.",
        True: f"{name} can be imported. Nothing was changed; this would:",
    }
    lines = [heads[dry_run], *(f"  {change}" for change in imported.changes)]
    if not imported.changes:
        lines.append("  (nothing differs)")
    if imported.notes:
        lines += ["Mind:", *(f"  {note}" for note in imported.notes)]
    return "\n".join(lines)
