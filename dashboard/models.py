"""SetupToken: a one-time right to create the first administrator, of which only the hash is kept."""

from django.db import models


class SetupToken(models.Model):
    token_hash = models.CharField(primary_key=True, max_length=64)
    """SHA-256 in hexadecimal; the token is random and long, so a plain hash cannot be reversed by guessing."""
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"set-up token until {self.expires_at:%Y-%m-%d %H:%M:%S} UTC"
