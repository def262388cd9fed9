"""Encrypts users' preferences, because messages saved in the test client can contain credentials."""

from django.db import migrations

from gatewayapp.migrations._encryption import Column, encryption_steps, forget_plain_text
from gatewayapp.models.encryption import EncryptedJSONField

_COLUMNS = (Column("preference", "value", EncryptedJSONField()),)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("dashboard", "0003_sign_in_tries"),
    ]

    operations = [
        *encryption_steps("dashboard", _COLUMNS),
        forget_plain_text("dashboard", _COLUMNS),
    ]
