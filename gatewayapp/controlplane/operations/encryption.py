"""Operations on all encrypted data: check that it can be decrypted, and encrypt it with the newest key."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models, transaction

from gatewayapp.controlplane.operations.changes import one_change
from gatewayapp.models import AccessKey
from gatewayapp.models.encryption import EncryptedTextField, EncryptionKeyMissing

_BATCH_SIZE = 50


@dataclass(frozen=True, slots=True)
class Rotation:
    """How many rows were encrypted again, and the ids of access keys whose secrets no key decrypts."""

    rows: int
    unreadable_access_keys: tuple[str, ...]


def check_encryption_keys() -> None:
    """Raise EncryptionKeyMissing if the database holds a configuration that was encrypted with an unknown key.

    One row of each table tells, since `rotatekeys` leaves no table half done without saying so.
    """
    for model, fields in _encrypted_models():
        model._default_manager.only(*fields).order_by("pk").first()


def rotate_encryption_keys() -> Rotation:
    """Encrypt everything with the newest key. Raises EncryptionKeyMissing.

    Rows are written in batches, each in a transaction of its own, so that others can write in between. Repeat it after
    a failure.
    """
    rows = sum(_rotate(model, fields) for model, fields in _encrypted_models())
    with one_change("RotateEncryptionKeys") as entry:
        keys, unreadable = _rotate_access_keys()
        entry.path, entry.after = "/encryptionkeys", {"rows": rows + keys, "unreadableAccessKeys": unreadable}
    return Rotation(rows + keys, tuple(unreadable))


def _encrypted_models() -> Iterator[tuple[Any, list[str]]]:
    """Every model with encrypted fields, and their names."""
    for model in apps.get_models():
        fields: list[models.Field[Any, Any]] = list(model._meta.concrete_fields)
        if names := [field.name for field in fields if isinstance(field, EncryptedTextField)]:
            yield model, names


def _rotate(model: Any, fields: list[str]) -> int:
    rows = model._default_manager.order_by("pk")
    keys = list(rows.values_list("pk", flat=True))
    for start in range(0, len(keys), _BATCH_SIZE):
        with transaction.atomic():
            batch = rows.filter(pk__in=keys[start : start + _BATCH_SIZE]).select_for_update()
            for row in batch.only("pk", *fields):
                row.save(update_fields=fields)
    return len(keys)


def _rotate_access_keys() -> tuple[int, list[str]]:
    unreadable, count = [], 0
    for key in AccessKey.objects.select_for_update():
        try:
            key.reencrypt()
        except EncryptionKeyMissing:
            unreadable.append(key.pk)
        else:
            key.save(update_fields=["encrypted_secret"])
            count += 1
    return count, unreadable
