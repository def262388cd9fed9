"""Sets the signed-in user and their permissions as the actor of every change that a page or a form causes."""

from collections.abc import Callable

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from gatewayapp.controlplane.operations.actors import Actor, acting
from gatewayapp.controlplane.operations.grants import access_of
from gatewayapp.core.roles import Access


class ActorMiddleware:
    """Stands inside the authentication middleware. Nobody is looked up unless something changes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with acting(lambda: _actor(request), lambda: _access(request)):
            return self._get_response(request)


def _actor(request: HttpRequest) -> Actor:
    address = str(request.META.get("REMOTE_ADDR", ""))
    # Nobody is signed in yet when the set-up link makes the first administrator.
    return Actor("user", str(request.user.pk or ""), request.user.get_username() or "anonymous", address)


def _access(request: HttpRequest) -> Access:
    """Nothing for a visitor who is not signed in."""
    return access_of(request.user) if isinstance(request.user, User) else Access()
