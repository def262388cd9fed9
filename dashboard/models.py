"""What the dashboard itself remembers: of people who are not signed in yet, and of those who are how they like it."""

from typing import Any

from django.conf import settings
from django.db import models

from gatewayapp.models.encryption import EncryptedJSONField


class SetupToken(models.Model):
    """A one-time right to create the first administrator, of which only the hash is kept."""

    token_hash = models.CharField(primary_key=True, max_length=64)
    """SHA-256 in hexadecimal; the token is random and long, so a plain hash cannot be reversed by guessing."""
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"set-up token until {self.expires_at:%Y-%m-%d %H:%M:%S} UTC"


class Preference(models.Model):
    """A user's preferences for a page: columns, saved views, saved messages. They are not in the audit log.

    Encrypted, since the messages that someone keeps can hold credentials.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="preferences")
    name = models.CharField(max_length=64)
    value = EncryptedJSONField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "name"), name="preference_of_user"),)

    def __str__(self) -> str:
        return f"{self.user_id}: {self.name}"

    @classmethod
    def read(cls, user_id: int, name: str, default: Any) -> Any:
        value = cls.objects.filter(user_id=user_id, name=name).values_list("value", flat=True).first()
        return default if value is None else value

    @classmethod
    def write(cls, user_id: int, name: str, value: Any) -> None:
        cls.objects.update_or_create(user_id=user_id, name=name, defaults={"value": value})


class SignInTry(models.Model):
    """A try to sign in that went wrong, or that is just being made. `dashboard.throttle` counts them."""

    account = models.CharField(max_length=64)
    """A keyed hash of the name that was typed: people type passwords there, too."""
    source = models.CharField(max_length=64)
    """The address, or the known browser, that it came from."""
    at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = (
            models.Index(fields=["account", "at"], name="sign_in_try_account"),
            models.Index(fields=["source", "at"], name="sign_in_try_source"),
        )

    def __str__(self) -> str:
        return f"try from {self.source} at {self.at:%Y-%m-%d %H:%M:%S} UTC"
