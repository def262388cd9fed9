"""`manage.py createapitoken USER NAME`: a bearer token of Nopal's own REST API, for a user who exists."""

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from gatewayapp.controlplane.operations import BadRequest
from gatewayapp.controlplane.operations.api_tokens import create_api_token
from gatewayapp.core.roles import Permission
from gatewayapp.management.tables import ensure_tables


class Command(BaseCommand):
    help = "Create a bearer token of the REST API under /api/v1."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", help="whose token it is: it may do what they may")
        parser.add_argument("name", help="what the token is for")
        parser.add_argument(
            "--scope",
            action="append",
            choices=[permission.value for permission in Permission],
            help="narrow the token; may be repeated; without it the token may do all that the user may",
        )
        parser.add_argument("--days", type=int, metavar="N", help="let it expire after so many days")
        parser.add_argument("--json", action="store_true", help='print {"tokenId", "token"} and no more')

    def handle(self, *, username: str, name: str, scope: list[str] | None, **options: Any) -> None:
        ensure_tables()
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user {username!r}.")
        expires_at = timezone.now() + timedelta(days=options["days"]) if options["days"] is not None else None
        scopes = scope or list(Permission)
        try:
            row, token = create_api_token(user_id=user.pk, name=name, scopes=scopes, expires_at=expires_at)
        except BadRequest as error:
            raise CommandError(error.message) from error
        if options["json"]:
            self.stdout.write(json.dumps({"tokenId": row.token_id, "token": token}))
        else:
            self.stdout.write(_explained(row.name, token))


def _explained(name: str, token: str) -> str:
    return f"""Token {name!r} is created. It is shown this once:

  {token}

Try it: curl -H 'Authorization: Bearer {token}' http://127.0.0.1:8000/api/v1/connections"""
