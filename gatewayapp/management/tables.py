"""The database's tables, for commands that may be the first thing anyone runs."""

from django.core.management import call_command
from django.db import connection

from gatewayapp.models import Api


def ensure_tables() -> None:
    """Migrate a database that has no tables yet."""
    if Api._meta.db_table not in connection.introspection.table_names():
        call_command("migrate", verbosity=0, interactive=False)
