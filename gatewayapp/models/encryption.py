"""Encryption at rest: model fields that the database stores encrypted, with keys that are not in the database.

`NOPAL_ENCRYPTION_KEY` holds one or more keys, separated by commas or line breaks, the newest first. The first key
encrypts; all keys decrypt. `manage.py rotatekeys` encrypts all data with the first key.
"""

import base64
import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models

ACCESS_KEYS = b"nopal access key secrets"
CONFIGURATION = b"nopal configuration"
"""Purposes of encryption; each purpose has its own keys, derived from the configured ones."""


class EncryptionKeyMissing(InvalidToken):
    """A stored value was encrypted with a key that `NOPAL_ENCRYPTION_KEY` does not hold."""

    def __str__(self) -> str:
        return (
            "The database contains values that were encrypted with a key that is not in NOPAL_ENCRYPTION_KEY. Add that "
            "key after the current one, separated by a comma, or restore keys/encryption.key from the backup of this "
            "database."
        )


def encrypt(text: str, purpose: bytes = CONFIGURATION) -> str:
    """The text encrypted with the newest key, as ASCII."""
    return _fernets(settings.NOPAL_ENCRYPTION_KEY, purpose).encrypt(text.encode("utf-8", "surrogatepass")).decode()


def decrypt(token: str, purpose: bytes = CONFIGURATION) -> str:
    """The text that `encrypt` was given. Raises EncryptionKeyMissing."""
    try:
        plain = _fernets(settings.NOPAL_ENCRYPTION_KEY, purpose).decrypt(token.encode())
    except InvalidToken as error:
        raise EncryptionKeyMissing from error
    return plain.decode("utf-8", "surrogatepass")


def is_encrypted(text: str) -> bool:
    """Whether the text is what `encrypt` gives for a configuration, under one of the present keys."""
    try:
        decrypt(text)
    except InvalidToken:
        return False
    return True


def parse_keys(setting: str) -> tuple[str, ...]:
    """The keys of `NOPAL_ENCRYPTION_KEY`, the newest first.

    Before there could be several keys, a key could hold commas; so the whole setting is the oldest key of several.
    """
    keys = [key.strip() for key in re.split(r"[,\r\n]", setting)]
    return tuple(dict.fromkeys([*filter(None, keys), setting.strip()]))


@lru_cache(maxsize=8)
def _fernets(setting: str, purpose: bytes) -> MultiFernet:
    return MultiFernet([_fernet(key, purpose) for key in parse_keys(setting)])


def _fernet(key: str, purpose: bytes) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose)
    return Fernet(base64.urlsafe_b64encode(derived.derive(key.encode())))


class EncryptedTextField(models.TextField):
    """A text that is encrypted in the database, which can neither search nor sort by it."""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return None if value is None else self.load(decrypt(value))

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else encrypt(self.dump(value))

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name != "isnull":
            raise FieldError(f"{self.name} is encrypted, so no query can compare it.")
        return super().get_lookup(lookup_name)

    def load(self, text: str) -> Any:
        return text

    def dump(self, value: Any) -> str:
        return str(value)


class EncryptedJSONField(EncryptedTextField):
    """A JSON value that is encrypted in the database."""

    if TYPE_CHECKING:
        _pyi_private_set_type: Any
        _pyi_private_get_type: Any

    def to_python(self, value: Any) -> Any:
        return value

    def load(self, text: str) -> Any:
        return json.loads(text)

    def dump(self, value: Any) -> str:
        return json.dumps(value)
