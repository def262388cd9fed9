"""Middleware that refuses NUL characters for every page and API and on every database, so that views need not check.

A view that accepts them in its body sets `takes_nul`.

Values that are encoded a second time, such as cursors, are checked where they are decoded. `dashboard.live` checks the
messages of live WebSockets.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from gatewayapp.controlplane.api.errors import is_management_path, is_rest_path
from gatewayapp.controlplane.api.requests import is_form
from gatewayapp.core.nul import contains_nul, json_contains_nul, target_contains_nul
from gatewayapp.error_responses import error_response

_MESSAGE = "The request contains a NUL character in its {}. No field accepts one, so remove it."


class NulBytesMiddleware:
    """Refuses a request with a NUL in its path, query, form or JSON with 400; a cookie with one is ignored."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if target_contains_nul(request.path, request.META.get("QUERY_STRING", "")):
            return _refuse(request, "URL")
        for name in [name for name, value in request.COOKIES.items() if "\0" in value]:
            del request.COOKIES[name]
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: object, kwargs: object
    ) -> HttpResponseBase | None:
        """Check the body, unless the view's class says `takes_nul`: a message to a client may have one."""
        if getattr(getattr(view, "cls", None), "takes_nul", False):
            return None
        place = _place(request)
        return _refuse(request, place) if place else None


def _refuse(request: HttpRequest, place: str) -> HttpResponse:
    return error_response(request, 400, "BadRequestException", _MESSAGE.format(place))


def _place(request: HttpRequest) -> str:
    """Where the request's body has a NUL, or an empty string."""
    if request.method in ("GET", "HEAD"):
        return ""
    if is_form(request) and not _takes_json(request):
        fields = [*request.POST, *dict(request.POST.lists()).values()]
        return "form" if contains_nul(fields) else ""
    return "JSON" if json_contains_nul(request.body) else ""


def _takes_json(request: HttpRequest) -> bool:
    """Whether the body is read as JSON regardless of its content type."""
    return is_management_path(request.path) or is_rest_path(request.path)
