"""Session: someone who is signed in to the dashboard in one browser, as Django's sessions engine keeps it.

It also says whose it is, so that all sessions of a user can be listed and ended. The cookie holds the key, the table
only its hash, so that nobody can sign in with the contents of the database.
"""

from hashlib import sha256

from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models


class Session(AbstractBaseSession):
    session_key = models.CharField(max_length=64, primary_key=True)
    """SHA-256 of the key, in hexadecimal; the key has 165 random bits, so its plain hash cannot be reversed."""
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="sessions")

    @classmethod
    def get_session_store_class(cls) -> "type[SessionBase]":
        from gatewayapp.sessions import SessionStore  # which needs this model

        return SessionStore


def hash_session_key(session_key: str) -> str:
    """What a session is stored under: the SHA-256 of its key, in hexadecimal."""
    return sha256(session_key.encode()).hexdigest()
