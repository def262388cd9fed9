"""`manage.py createaccesskey NAME`: a key that signs calls of the management API and of `@connections`.

Works beside a running gateway, and before the first start: a database that has no tables yet gets them.
"""

import json
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from gatewayapp.controlplane.operations import BadRequest, create_access_key
from gatewayapp.controlplane.operations.access_keys import EVERYTHING
from gatewayapp.models import AccessKey


class Command(BaseCommand):
    help = "Create an access key: an id and a secret for AWS SDKs, the AWS CLI, Terraform and backends."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what the key is for; several keys may share a name")
        parser.add_argument("--json", action="store_true", help='print {"accessKeyId", "secretAccessKey"} and no more')
        parser.add_argument(
            "--allow",
            nargs=2,
            action="append",
            metavar=("ACTION", "RESOURCE"),
            help="narrow the key, such as execute-api:ManageConnections 'ab12cd34ef/prod/*'; may be repeated; "
            "without it the key may do everything",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if AccessKey._meta.db_table not in connection.introspection.table_names():
            call_command("migrate", verbosity=0, interactive=False)
        allowed = [{"action": action, "resource": resource} for action, resource in options["allow"] or ()]
        try:
            key, secret = create_access_key(name=options["name"], permissions=allowed or EVERYTHING)
        except BadRequest as error:
            raise CommandError(error.message) from error
        if options["json"]:
            self.stdout.write(json.dumps({"accessKeyId": key.access_key_id, "secretAccessKey": secret}))
        else:
            self.stdout.write(_explained(key, secret))


def _explained(key: AccessKey, secret: str) -> str:
    allowed = "\n".join(f"  {item['action']} on {item['resource']}" for item in key.permissions)
    return f"""Access key {key.name!r} is created. Its secret is shown this once:

  export AWS_ACCESS_KEY_ID={key.access_key_id}
  export AWS_SECRET_ACCESS_KEY={secret}
  export AWS_DEFAULT_REGION={settings.NOPAL_REGION}

It allows:
{allowed}

Try it: aws apigatewayv2 get-apis --endpoint-url http://127.0.0.1:8000"""
