"""Every session that someone signs in to gets its end, and remembers where it began."""

from typing import Any

from django.contrib.auth import login
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from gatewayapp.sessions import SessionStore


@receiver(user_logged_in)
def begin_session(request: HttpRequest, **_: Any) -> None:
    session = request.session
    assert isinstance(session, SessionStore)
    session.begin(str(request.META.get("REMOTE_ADDR", "")), str(request.META.get("HTTP_USER_AGENT", ""))[:256])


def sign_in_again(request: HttpRequest, user: User) -> None:
    """All sessions of someone who was changed have ended; who changed themself goes on in a new one."""
    request.session.flush()
    login(request, user)
