"""Lets the audit log name whoever is signed in, for every change that a page or a form causes."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from gatewayapp.controlplane.operations.actors import Actor, acting


class ActorMiddleware:
    """Stands inside the authentication middleware. Nobody is looked up unless something changes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with acting(lambda: _actor(request)):
            return self._get_response(request)


def _actor(request: HttpRequest) -> Actor:
    address = str(request.META.get("REMOTE_ADDR", ""))
    # Nobody is signed in yet when the set-up link makes the first administrator.
    return Actor("user", str(request.user.pk or ""), request.user.get_username() or "anonymous", address)
