"""What the dashboard keeps of people who are not signed in yet."""

from django.db import models


class SetupToken(models.Model):
    """A one-time right to create the first administrator, of which only the hash is kept."""

    token_hash = models.CharField(primary_key=True, max_length=64)
    """SHA-256 in hexadecimal; the token is random and long, so a plain hash cannot be reversed by guessing."""
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"set-up token until {self.expires_at:%Y-%m-%d %H:%M:%S} UTC"


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
