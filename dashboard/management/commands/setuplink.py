"""`manage.py setuplink`: a new one-time link for creating the first administrator."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from dashboard.setup import setup_link


class Command(BaseCommand):
    help = "Print a new one-time link for creating the first administrator."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="where the dashboard is (%(default)s)")

    def handle(self, *arguments: Any, **options: Any) -> None:
        link = setup_link(options["url"])
        if link is None:
            raise CommandError("There is an administrator already: sign in, or run `manage.py changepassword NAME`.")
        self.stdout.write(link)
