from hashlib import sha256

from django.db import migrations, models


def hash_keys(apps, schema_editor):
    """Users stay signed in: cookies keep the keys, and the table now holds only their hashes."""
    sessions = apps.get_model("gatewayapp", "Session").objects.using(schema_editor.connection.alias)
    for key in list(sessions.values_list("pk", flat=True)):
        sessions.filter(pk=key).update(session_key=sha256(key.encode()).hexdigest())


def remove_sessions(apps, schema_editor):
    """A hash cannot be turned back into its key, so everyone has to sign in again."""
    apps.get_model("gatewayapp", "Session").objects.using(schema_editor.connection.alias).all().delete()


class Migration(migrations.Migration):
    dependencies = [("gatewayapp", "0008_test_cases")]

    operations = [
        migrations.AlterField(
            "session", "session_key", models.CharField(max_length=64, primary_key=True, serialize=False)
        ),
        migrations.RunPython(hash_keys, remove_sessions),
    ]
