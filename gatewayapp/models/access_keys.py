"""AccessKey: an id and a secret that sign calls of the management API and of `@connections`, and what they may do.

A signature can only be checked with the secret itself, so it is stored encrypted under a key that is not in the
database (NOPAL_ENCRYPTION_KEY), never hashed.
"""

import base64
import secrets
from collections.abc import Iterable, Mapping

from django.db import models
from django.utils import timezone

from gatewayapp.models.encryption import ACCESS_KEYS, decrypt, encrypt
from gatewayapp.models.resources import Document, timestamp


def new_access_key_id() -> str:
    return "NPAK" + base64.b32encode(secrets.token_bytes(10)).decode()


class AccessKeyManager(models.Manager["AccessKey"]):
    def issue(self, name: str, permissions: Iterable[Mapping[str, str]]) -> "tuple[AccessKey, str]":
        """A new key and its secret of 40 characters; `permissions` are `{"action", "resource"}` as in core.policy."""
        secret = secrets.token_urlsafe(30)
        key = self.create(
            name=name,
            permissions=[dict(permission) for permission in permissions],
            encrypted_secret=encrypt(secret, ACCESS_KEYS),
        )
        return key, secret


class AccessKey(models.Model):
    access_key_id = models.CharField(primary_key=True, max_length=20, default=new_access_key_id, editable=False)
    name = models.CharField(max_length=128)
    encrypted_secret = models.TextField()
    permissions = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    revoked = models.BooleanField(default=False)

    objects = AccessKeyManager()

    class Meta:
        ordering = ("created_at", "pk")

    def __str__(self) -> str:
        return f"{self.name} ({self.access_key_id})"

    def document(self) -> Document:
        """The key as it may be shown, without its secret."""
        return {
            "accessKeyId": self.access_key_id,
            "name": self.name,
            "permissions": self.permissions,
            "createdDate": timestamp(self.created_at),
            "revoked": self.revoked,
        }

    @property
    def secret(self) -> str:
        """The secret, 40 characters. Raises EncryptionKeyMissing."""
        return decrypt(self.encrypted_secret, ACCESS_KEYS)

    def reencrypt(self) -> None:
        """Encrypt the secret with the newest key, without saving it. Raises EncryptionKeyMissing."""
        self.encrypted_secret = encrypt(self.secret, ACCESS_KEYS)
