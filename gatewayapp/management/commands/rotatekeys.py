"""`manage.py rotatekeys`: encrypt all encrypted data with the newest key, so that former keys can be removed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gatewayapp.controlplane.operations.encryption import rotate_encryption_keys
from gatewayapp.management.tables import ensure_tables
from gatewayapp.models.encryption import EncryptionKeyMissing


class Command(BaseCommand):
    help = "Encrypt all encrypted data again, with the newest key of NOPAL_ENCRYPTION_KEY."

    def handle(self, *args: Any, **options: Any) -> None:
        ensure_tables()
        try:
            rotation = rotate_encryption_keys()
        except EncryptionKeyMissing as error:
            raise CommandError(f"{error} Then run this command again.") from error
        self.stdout.write(f"{rotation.rows} rows are encrypted with the newest key.")
        if rotation.unreadable_access_keys:
            names = ", ".join(rotation.unreadable_access_keys)
            self.stdout.write(f"These access keys cannot be decrypted with any key, so revoke them: {names}.")
        self.stdout.write("You can remove former keys from NOPAL_ENCRYPTION_KEY once every server uses the newest one.")
