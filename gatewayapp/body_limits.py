"""Limits on the size of request bodies, chosen from the request line and headers before the body is read.

    anyone, anywhere          64 KiB    sign-in, set-up and unknown paths never accept more
    management API             1 MiB    a request with a known access key
    REST API                   1 MiB    a valid bearer token or session
    REST API, import         2.5 MiB    a document has at most 2 MiB
    forms of the dashboard   2.5 MiB    a signed-in user
    import form                5 MiB    a file and a pasted document

`@connections` uses the limits of its stages, see `gatewayapp.dataplane.callbacks`.
"""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from io import BytesIO
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from django.urls import Resolver404, resolve
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from dashboard.middleware import HostCookiesMiddleware, SecurityHeadersMiddleware
from dashboard.permissions import to_sign_in
from gatewayapp.controlplane.api.access import check_signer
from gatewayapp.controlplane.api.errors import is_management_path, is_rest_path
from gatewayapp.controlplane.api.v1.authentication import BearerAuthentication
from gatewayapp.core.nul import contains_nul, target_contains_nul
from gatewayapp.core.sigv4 import SignatureError
from gatewayapp.dataplane.addresses import is_gateway_address
from gatewayapp.dataplane.callbacks import host_of, too_large
from gatewayapp.error_responses import error_response, storage_failure_response
from gatewayapp.server.heads import Refusal
from gatewayapp.storage_failures import find_storage_failure

KIB = 1024
MIB = 1024 * KIB

ANYONE = 64 * KIB
MANAGEMENT = 1 * MIB
REST = 1 * MIB
REST_IMPORT = FORM = int(2.5 * MIB)
IMPORT_FORM = 5 * MIB

_PAGES = {"login": ANYONE, "setup": ANYONE, "apis-import": IMPORT_FORM, "interchange": IMPORT_FORM}
"""The limits of pages that differ from `FORM`."""

Scope = dict[str, Any]


class BodyLimits:
    """The `body_policy` of the application, see `gatewayapp.server.bodies.BodyPolicy`."""

    async def find_limit(self, scope: Scope) -> int:
        try:
            return await database_sync_to_async(_find_limit, thread_sensitive=False)(scope)
        except Exception as error:
            if (failure := find_storage_failure(error)) is None:
                raise
            unavailable = partial(storage_failure_response, failure=failure, error=error)
            raise _refusal(scope, unavailable) from error

    def refuse(self, scope: Scope, limit: int) -> Refusal:
        if _is_gateway(scope):
            status, headers, body = too_large()
            return Refusal(status, headers=[each for each in headers if each[0] != b"content-length"], body=body)
        return _refusal(scope, lambda request: _too_large(request, limit))


def _find_limit(scope: Scope) -> int:
    if _is_gateway(scope) or target_contains_nul(scope["path"], scope["query_string"].decode("latin-1")):
        return ANYONE
    request = ASGIRequest(scope, BytesIO())
    limit, check = _rule(request)
    denial = check(request) if limit > ANYONE else None
    if denial is not None:
        raise _refusal(scope, lambda _: denial)
    return limit


def _is_gateway(scope: Scope) -> bool:
    return is_gateway_address(host_of(scope["headers"]), scope["path"])


Check = Callable[[HttpRequest], HttpResponse | None]
"""Returns the response that refuses a sender, or None if the sender may send a body of this size."""


def _rule(request: HttpRequest) -> tuple[int, Check]:
    if is_management_path(request.path):
        return MANAGEMENT, _check_signer
    if is_rest_path(request.path):
        return REST_IMPORT if request.path == "/api/v1/import" else REST, _check_caller
    try:
        page = resolve(request.path_info).url_name or ""
    except Resolver404:
        return ANYONE, _check_user
    return _PAGES.get(page, FORM), _check_user


def _check_signer(request: HttpRequest) -> HttpResponse | None:
    try:
        check_signer(request)
    except SignatureError as error:
        return error_response(request, error.status, error.code, error.message)
    return None


def _check_caller(request: HttpRequest) -> HttpResponse | None:
    bearer = BearerAuthentication()
    try:
        if bearer.authenticate(Request(request)) is not None or _is_signed_in(request):
            return None
        message = "Authentication credentials were not provided."
    except AuthenticationFailed as error:
        message = str(error.detail)
    challenge = {"WWW-Authenticate": bearer.authenticate_header(Request(request))}
    return error_response(request, 401, "", message, challenge)


def _check_user(request: HttpRequest) -> HttpResponse | None:
    return None if _is_signed_in(request) else to_sign_in(request)


def _is_signed_in(request: HttpRequest) -> bool:
    HostCookiesMiddleware(lambda _: HttpResponse()).process_request(request)
    session_key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    return bool(session_key) and not contains_nul(session_key) and get_user(request).is_authenticated


def _too_large(request: HttpRequest, limit: int) -> HttpResponse:
    size = f"{limit / MIB:g} MiB" if limit >= MIB else f"{limit // KIB} KiB"
    message = f"The request body is larger than {size}, the limit for this URL. Send a smaller body."
    return error_response(request, 413, "RequestEntityTooLargeException", message)


def _refusal(scope: Scope, view: Callable[[HttpRequest], HttpResponse]) -> Refusal:
    """The refusal for a view's response, with the headers that every Django response has."""
    respond = SecurityMiddleware(SecurityHeadersMiddleware(XFrameOptionsMiddleware(view)))
    response: Any = respond(ASGIRequest(scope, BytesIO()))
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.items()]
    return Refusal(response.status_code, headers=headers, body=response.content)
