"""Shared steps of migrations that encrypt columns and then rewrite the tables, so that no plain text stays in the files.

Each step can be repeated. The last one does not run in a transaction, so a migration with these steps is not atomic.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from django.db import migrations, models

from gatewayapp.models.encryption import decrypt, encrypt, is_encrypted


class Column(NamedTuple):
    """A column that becomes encrypted: its model, its name and the field that it gets."""

    model: str
    name: str
    field: Any


def encryption_steps(app: str, columns: Sequence[Column]) -> list[Any]:
    """Operations that turn the columns into plain text columns, encrypt them, and give them their new fields."""

    def forwards(apps: Any, schema_editor: Any) -> None:
        _convert(apps, schema_editor, app, columns, lambda text: text if is_encrypted(text) else encrypt(text))

    def backwards(apps: Any, schema_editor: Any) -> None:
        _convert(apps, schema_editor, app, columns, lambda text: decrypt(text) if is_encrypted(text) else text)

    return [
        *(migrations.AlterField(each.model, each.name, models.TextField(null=each.field.null)) for each in columns),
        migrations.RunPython(forwards, backwards, atomic=True),
        *(migrations.AlterField(each.model, each.name, each.field) for each in columns),
    ]


def forget_plain_text(app: str, columns: Sequence[Column]) -> Any:
    """The operation that rewrites the tables, whose freed pages and dead rows still hold the plain text."""

    def rewrite(apps: Any, schema_editor: Any) -> None:
        connection = schema_editor.connection
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("VACUUM")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            elif connection.vendor == "postgresql":
                for table in sorted({apps.get_model(app, each.model)._meta.db_table for each in columns}):
                    cursor.execute(f"VACUUM FULL {connection.ops.quote_name(table)}")

    return migrations.RunPython(rewrite, migrations.RunPython.noop, atomic=False)


def _convert(apps: Any, schema_editor: Any, app: str, columns: Sequence[Column], convert: Callable[[str], str]) -> None:
    """Convert the columns, which are plain text columns at this point, row by row."""
    for column in columns:
        rows = apps.get_model(app, column.model).objects.using(schema_editor.connection.alias)
        for key in list(rows.order_by("pk").values_list("pk", flat=True)):
            text = rows.values_list(column.name, flat=True).get(pk=key)
            if text is not None:
                rows.filter(pk=key).update(**{column.name: convert(text)})
