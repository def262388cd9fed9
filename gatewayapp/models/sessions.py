"""Session: someone who is signed in to the dashboard in one browser, as Django's sessions engine keeps it.

It also says whose it is, so that all sessions of a user can be listed and ended.
"""

from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models


class Session(AbstractBaseSession):
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="sessions")

    @classmethod
    def get_session_store_class(cls) -> "type[SessionBase]":
        from gatewayapp.sessions import SessionStore  # which needs this model

        return SessionStore
