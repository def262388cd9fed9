"""ApiToken: a bearer token of Nopal's own REST API. It acts for its owner, within its scopes, until it expires.

The token is 256 random bits, so its SHA-256 is all that is kept: it cannot be guessed back. Its first characters are
kept too, for people to tell which one it is.
"""

import secrets
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

from gatewayapp.models.resources import Document, new_api_id, timestamp

PREFIX = "npt_"
SHOWN = len(PREFIX) + 8


class ApiTokenManager(models.Manager["ApiToken"]):
    def issue(
        self, user_id: int, name: str, scopes: Iterable[str], expires_at: datetime | None
    ) -> "tuple[ApiToken, str]":
        """A new token's row and the token itself."""
        token = PREFIX + secrets.token_urlsafe(32)
        row = self.create(
            user_id=user_id,
            name=name,
            prefix=token[:SHOWN],
            token_hash=_hash(token),
            scopes=sorted(scopes),
            expires_at=expires_at,
        )
        return row, token

    def find(self, token: str) -> "ApiToken | None":
        """The row of a token that may be used now, with its owner, or None."""
        found = self.select_related("user").filter(token_hash=_hash(token)).first()
        return found if found is not None and found.usable else None


class ApiToken(models.Model):
    token_id = models.CharField(primary_key=True, max_length=10, default=new_api_id, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=128)
    prefix = models.CharField(max_length=SHOWN)
    token_hash = models.CharField(max_length=64, unique=True)
    """SHA-256 in hexadecimal."""
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    """To the minute, or so."""
    revoked = models.BooleanField(default=False)

    objects = ApiTokenManager()

    class Meta:
        ordering = ("created_at", "pk")

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def usable(self) -> bool:
        """Whether it may be used now: it has not expired or been revoked, and its owner is active."""
        return not self.revoked and not self.expired and self.user.is_active

    def document(self) -> Document:
        """The token as it may be shown: its first characters only."""
        return {
            "tokenId": self.token_id,
            "userId": self.user_id,
            "name": self.name,
            "prefix": self.prefix,
            "scopes": self.scopes,
            "createdDate": timestamp(self.created_at),
            "expiresAt": timestamp(self.expires_at) if self.expires_at else None,
            "lastUsedAt": timestamp(self.last_used_at) if self.last_used_at else None,
            "revoked": self.revoked,
        }


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
